use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "bigint_only",
    level: Level::Block,
    requires: "Integer columns are bigint.",
    why: "A smallint or integer counter overflows, and widening its column rewrites the table under ACCESS EXCLUSIVE.",
    fix: "Change the column type to bigint.",
    source: "docs/conventions.md#integer-columns",
    check: Check::Catalogue(include_str!("bigint_only.sql")),
    breaks: &[
        sql("alter table contacts alter attempts_count type integer", &["contacts.attempts_count"]),
        sql(
            "create domain small as smallint; alter table contacts alter attempts_count type small",
            &["contacts.attempts_count"],
        ),
    ],
};
