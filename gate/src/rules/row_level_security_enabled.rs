use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "row_level_security_enabled",
    level: Level::Block,
    requires: "Row Level Security is enabled on every table and partition, and not forced.",
    why: "Disabled, a customer reads the rows of every tenant; forced, migrations and retention jobs of the owner silently affect no rows.",
    fix: "Run: alter table <table> enable row level security, no force row level security.",
    source: "docs/conventions.md#row-level-security",
    check: Check::Catalogue(include_str!("row_level_security_enabled.sql")),
    breaks: &[sql("alter table users force row level security", &["users"])],
};
