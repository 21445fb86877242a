//! Nothing counts: there is no sequence, serial or identity column.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "no_sequences",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Nothing counts: there is no sequence, serial or identity column.",
    why: "A sequence is one for all tenants: the gaps that one of them sees are the others' business.",
    fix: "Use a uuid, or count within the tenant.",
    source: "architecture.md, Decisions: primary key, integers",
    check: Check::Catalogue(include_str!("no_sequences.sql")),
    breaks: &[
        Break { by: Mutation::Uncommitted("create sequence tickets"), finds: &["tickets"] },
        Break {
            by: Mutation::Uncommitted(
                "alter table events add column ordinal bigint generated always as \
                 identity; comment on column events.ordinal is 'The how-manieth event it is, over all.'",
            ),
            finds: &["events.ordinal"],
        },
    ],
};
