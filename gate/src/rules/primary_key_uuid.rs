//! The primary key of every table is the column id, a uuid that the server makes with `uuid_generate_v4()`.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "primary_key_uuid",
    level: Level::Block,
    family: Family::Conventions,
    requires: "The primary key of every table is the column id, a uuid that the server makes with \
           uuid_generate_v4().",
    why: "Rows cannot be named by a typed id, or the ids of one tenant tell how many rows the others have.",
    fix: "Declare: id uuid default uuid_generate_v4(), constraint pk_<table> primary key (id).",
    source: "architecture.md, Decisions: primary key; database-layer.md, Conventions Enforced by Tests: \
             Primary Keys",
    check: Check::Catalogue(include_str!("primary_key_uuid.sql")),
    breaks: &[
        Break { by: Mutation::Uncommitted("alter table events alter id drop default"), finds: &["events"] },
        Break {
            by: Mutation::Uncommitted("alter table events alter id set default gen_random_uuid()"),
            finds: &["events"],
        },
        Break {
            by: Mutation::Uncommitted(
                "alter table transcript_snippets drop constraint pk_transcript_snippets",
            ),
            finds: &["transcript_snippets"],
        },
    ],
};
