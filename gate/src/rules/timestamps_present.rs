use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "timestamps_present",
    level: Level::Block,
    requires: "Every table has created_at and updated_at: timestamptz, not null, default now().",
    why: "Without them the age of a row is unknown, and incremental exports miss changed rows.",
    fix: "Add the column: timestamptz not null default now().",
    source: "docs/conventions.md#created_at-and-updated_at",
    check: Check::Catalogue(include_str!("timestamps_present.sql")),
    breaks: &[
        sql("alter table events drop column updated_at", &["events.updated_at"]),
        sql("alter table users alter created_at drop not null", &["users.created_at"]),
        sql("alter table users alter updated_at drop default", &["users.updated_at"]),
    ],
};
