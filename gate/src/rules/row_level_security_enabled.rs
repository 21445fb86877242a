//! Row Level Security is enabled on every table and partition, and not forced.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "row_level_security_enabled",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Row Level Security is enabled on every table and partition, and not forced.",
    why: "Without it every customer reads every tenant's rows; forced, it makes migrations and retention \
           change nothing, silently.",
    fix: "alter table <table> enable row level security, no force row level security.",
    source: "architecture.md, Decisions: RLS and owners; \
             https://www.postgresql.org/docs/15/ddl-rowsecurity.html",
    check: Check::Catalogue(include_str!("row_level_security_enabled.sql")),
    breaks: &[
        Break {
            by: Mutation::Uncommitted("alter table contacts disable row level security"),
            finds: &["contacts"],
        },
        Break { by: Mutation::Uncommitted("alter table users force row level security"), finds: &["users"] },
    ],
};
