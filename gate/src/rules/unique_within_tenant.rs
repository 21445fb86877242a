//! Unique constraints of tenant tables begin with `organization_id`.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

pub const RULE: Rule = Rule {
    id: "unique_within_tenant",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Unique constraints of tenant tables begin with organization_id.",
    why: "A unique violation across tenants reveals another tenant's value, and blocks it for everyone else.",
    fix: "Begin the constraint with organization_id; list a constraint that has to apply to all tenants in unique_within_tenant.sql, with the reason.",
    source: "docs/conventions.md#uniqueness-within-a-tenant",
    check: Check::Catalogue(include_str!("unique_within_tenant.sql")),
    breaks: &[
        Break {
            by: Mutation::Uncommitted(
                "alter table contacts add constraint uq_contacts_phone_number unique \
                 (phone_number)",
            ),
            finds: &["uq_contacts_phone_number"],
        },
        Break {
            by: Mutation::Uncommitted(
                "create unique index uq_contacts_email on contacts (email) include \
                 (organization_id)",
            ),
            finds: &["uq_contacts_email"],
        },
    ],
};
