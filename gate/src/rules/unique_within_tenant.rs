//! What has to be unique in a tenant table is unique within the tenant.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "unique_within_tenant",
    level: Level::Block,
    family: Family::Conventions,
    requires: "What has to be unique in a tenant table is unique within the tenant.",
    why: "A tenant learns from the violation what another one has, and takes values away from it.",
    fix: "Begin the constraint with organization_id; if it has to hold for all, list it in \
           unique_within_tenant.sql.",
    source: "architecture.md, Decisions: tenant integrity; pgrls SEC035",
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
