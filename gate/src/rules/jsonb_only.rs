use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "jsonb_only",
    level: Level::Block,
    requires: "JSON columns are jsonb; there is no json or xml.",
    why: "json stores the input text: it has no equality operator and no GIN index, and keeps duplicate keys.",
    fix: "Change the column type to jsonb.",
    source: "docs/conventions.md#json-documents",
    check: Check::Catalogue(include_str!("jsonb_only.sql")),
    breaks: &[sql(
        "alter table users alter metadata drop default, alter metadata type json",
        &["users.metadata"],
    )],
};
