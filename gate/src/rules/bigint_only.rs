//! Integer columns are `bigint`.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

pub const RULE: Rule = Rule {
    id: "bigint_only",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Integer columns are bigint.",
    why: "A smallint or integer counter overflows, and widening its column rewrites the table under ACCESS EXCLUSIVE.",
    fix: "Change the column type to bigint.",
    source: "docs/conventions.md#integer-columns",
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
