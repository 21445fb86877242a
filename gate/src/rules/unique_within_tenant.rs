use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "unique_within_tenant",
    level: Level::Block,
    requires: "Unique constraints of tenant tables begin with organization_id.",
    why: "A unique violation across tenants reveals another tenant's value, and blocks it for everyone else.",
    fix: "Begin the constraint with organization_id; list a constraint that has to apply to all tenants in unique_within_tenant.sql, with the reason.",
    source: "docs/conventions.md#uniqueness-within-a-tenant",
    check: Check::Catalogue(include_str!("unique_within_tenant.sql")),
    breaks: &[sql(
        "create unique index uq_contacts_email on contacts (email) include (organization_id)",
        &["uq_contacts_email"],
    )],
};
