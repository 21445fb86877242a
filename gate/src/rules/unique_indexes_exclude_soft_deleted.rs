use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "unique_indexes_exclude_soft_deleted",
    level: Level::Block,
    requires: "In a table with deleted_at, unique indexes exclude soft-deleted rows, unless a listed reason keeps the value reserved.",
    why: "A soft-deleted row, which no query returns, still reserves its name.",
    fix: "Use a unique index with: where deleted_at is null. List a value that must stay reserved in unique_indexes_exclude_soft_deleted.sql, with the reason.",
    source: "docs/conventions.md#soft-deletion",
    check: Check::Catalogue(include_str!("unique_indexes_exclude_soft_deleted.sql")),
    breaks: &[sql(
        "alter table campaigns add constraint uq_campaigns_organization_id_name unique (organization_id, \
         name)",
        &["uq_campaigns_organization_id_name"],
    )],
};
