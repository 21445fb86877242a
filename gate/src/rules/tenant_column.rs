use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "tenant_column",
    level: Level::Block,
    requires: "Every table except organizations, users, audit_log_entries, audit_seals, retention_runs and signing_keys has organization_id: uuid, not null, a cascading foreign key to organizations, default current_organization_id().",
    why: "Rows without a tenant are visible to no tenant or to all, and cannot be distributed or exported by tenant.",
    fix: "Declare: organization_id uuid not null default current_organization_id() references organizations (id) on delete cascade.",
    source: "docs/conventions.md#tenant-column",
    check: Check::Catalogue(include_str!("tenant_column.sql")),
    breaks: &[
        sql("alter table contacts alter organization_id drop default", &["contacts.organization_id"]),
        sql(
            "alter table contacts drop constraint fk_contacts_organization_id_organizations",
            &["contacts.organization_id"],
        ),
    ],
};
