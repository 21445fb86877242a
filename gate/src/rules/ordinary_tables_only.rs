use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "ordinary_tables_only",
    level: Level::Block,
    requires: "Tables are ordinary, permanent tables without rewrite rules.",
    why: "A foreign table has no policies, an unlogged table is empty after a crash and on replicas, and a rewrite rule runs with its owner's privileges.",
    fix: "Use an ordinary table; use a trigger instead of a rule.",
    source: "docs/conventions.md#ordinary-tables",
    check: Check::Catalogue(include_str!("ordinary_tables_only.sql")),
    breaks: &[sql("alter table transcript_snippets set unlogged", &["transcript_snippets"])],
};
