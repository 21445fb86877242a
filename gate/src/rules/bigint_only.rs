//! Whole numbers are bigint.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "bigint_only",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Whole numbers are bigint.",
    why: "A counter stops at 32767 or at two thousand million, and widening its column rewrites the table \
           under a lock.",
    fix: "Make it bigint.",
    source: "database-layer.md, Conventions Enforced by Tests: Integers",
    check: Check::Catalogue(include_str!("bigint_only.sql")),
    breaks: &[
        Break {
            by: Mutation::Uncommitted("alter table contacts alter attempts_count type integer"),
            finds: &["contacts.attempts_count"],
        },
        Break {
            by: Mutation::Uncommitted(
                "create domain small as smallint; alter table contacts alter \
                 attempts_count type small",
            ),
            finds: &["contacts.attempts_count"],
        },
    ],
};
