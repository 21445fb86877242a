//! Where rows are only marked as deleted, what is unique is unique among the others, unless a reason keeps it.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "unique_indexes_exclude_soft_deleted",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Where rows are only marked as deleted, what is unique is unique among the others, unless a reason \
           keeps it.",
    why: "A name stays taken by a row that nobody sees.",
    fix: "Use a unique index with: where deleted_at is null. If the name must never come back, list it in \
           unique_indexes_exclude_soft_deleted.sql.",
    source: "database-rules.md, Data Integrity: Soft delete",
    check: Check::Catalogue(include_str!("unique_indexes_exclude_soft_deleted.sql")),
    breaks: &[Break {
        by: Mutation::Uncommitted(
            "alter table campaigns add constraint uq_campaigns_organization_id_name \
                 unique (organization_id, name)",
        ),
        finds: &["uq_campaigns_organization_id_name"],
    }],
};
