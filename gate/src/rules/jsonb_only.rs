//! A document is jsonb.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "jsonb_only",
    level: Level::Block,
    family: Family::Conventions,
    requires: "A document is jsonb.",
    why: "json keeps the text: it has no index and no equality, and repeats keys.",
    fix: "Make it jsonb.",
    source: "database-rules.md, Modeling Conventions: Text vs. JSONB",
    check: Check::Catalogue(include_str!("jsonb_only.sql")),
    breaks: &[Break {
        by: Mutation::Uncommitted("alter table users alter metadata drop default, alter metadata type json"),
        finds: &["users.metadata"],
    }],
};
