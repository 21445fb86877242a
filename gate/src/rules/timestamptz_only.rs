use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "timestamptz_only",
    level: Level::Block,
    requires: "Timestamps are timestamptz.",
    why: "A timestamp without time zone depends on the client's time zone, and an hour is ambiguous when daylight saving time ends.",
    fix: "Change the column type to timestamptz.",
    source: "docs/conventions.md#timestamps-with-time-zone",
    check: Check::Catalogue(include_str!("timestamptz_only.sql")),
    breaks: &[sql(
        "alter table call_attempts alter answered_at type timestamp",
        &["call_attempts.answered_at"],
    )],
};
