use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "triggers_enabled",
    level: Level::Block,
    requires: "No trigger is disabled, including the internal triggers of foreign keys.",
    why: "With its triggers disabled a foreign key is not checked, although the catalogue still shows it.",
    fix: "Run: alter table <table> enable trigger all. Then check the rows written meanwhile.",
    source: "docs/conventions.md#enabled-triggers",
    check: Check::Catalogue(include_str!("triggers_enabled.sql")),
    breaks: &[
        sql("alter table events disable trigger updated_at", &["events"]),
        sql("alter table users enable replica trigger updated_at", &["users"]),
    ],
};
