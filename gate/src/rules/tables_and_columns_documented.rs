use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "tables_and_columns_documented",
    level: Level::Block,
    requires: "Every table and column has a description of at least three words that adds to its name.",
    why: "Readers guess the meaning of an undocumented column, and applications store different things in it.",
    fix: "Write the description in migration/schema_annotations.yaml; `up` sets it as the comment.",
    source: "docs/conventions.md#documentation-of-tables-and-columns",
    check: Check::Catalogue(include_str!("tables_and_columns_documented.sql")),
    breaks: &[
        sql("comment on column contacts.email is null", &["contacts.email"]),
        sql("comment on table contacts is 'TODO: describe what contacts are'", &["contacts"]),
        sql("comment on column contacts.email is 'The email'", &["contacts.email"]),
    ],
};
