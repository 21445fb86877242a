//! Every table except organizations and users has `organization_id`: uuid, not null, a cascading foreign key to organizations, default `current_organization_id()`.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

pub const RULE: Rule = Rule {
    id: "tenant_column",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Every table except organizations and users has organization_id: uuid, not null, a cascading foreign key to organizations, default current_organization_id().",
    why: "Rows without a tenant are visible to no tenant or to all, and cannot be distributed or exported by tenant.",
    fix: "Declare: organization_id uuid not null default current_organization_id() references organizations (id) on delete cascade.",
    source: "docs/conventions.md#tenant-column",
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
