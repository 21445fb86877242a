//! Every row of a tenant table says whose it is.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "tenant_column",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Every table but organizations and users has organization_id uuid not null, a cascading key to \
           organizations, and by default the bound organization.",
    why: "Rows without an owner are seen by nobody or by everybody, and cannot be moved to another machine \
           with their tenant.",
    fix: "Declare: organization_id uuid not null default current_organization_id() references organizations \
           (id) on delete cascade.",
    source: "data-model.md, On every table; architecture.md, Decisions: tenancy",
    check: Check::Catalogue(include_str!("tenant_column.sql")),
    breaks: &[
        Break {
            by: Mutation::Uncommitted("alter table contacts alter organization_id drop not null"),
            finds: &["contacts.organization_id"],
        },
        Break {
            by: Mutation::Uncommitted("alter table contacts alter organization_id drop default"),
            finds: &["contacts.organization_id"],
        },
        Break {
            by: Mutation::Uncommitted(
                "alter table contacts drop constraint \
                 fk_contacts_organization_id_organizations",
            ),
            finds: &["contacts.organization_id"],
        },
    ],
};
