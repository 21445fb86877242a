//! A point in time is a timestamptz.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "timestamptz_only",
    level: Level::Block,
    family: Family::Conventions,
    requires: "A point in time is a timestamptz.",
    why: "A time without a zone is another moment for every client, and an hour of the autumn night is two \
           of them.",
    fix: "Make it timestamptz.",
    source: "database-layer.md, Conventions Enforced by Tests: Timestamps",
    check: Check::Catalogue(include_str!("timestamptz_only.sql")),
    breaks: &[Break {
        by: Mutation::Uncommitted("alter table call_attempts alter answered_at type timestamp"),
        finds: &["call_attempts.answered_at"],
    }],
};
