use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "tenant_foreign_keys_composite",
    level: Level::Block,
    requires: "A foreign key between two tenant tables contains organization_id at both ends, and SET NULL leaves organization_id unchanged.",
    why: "Referential integrity checks bypass Row Level Security: a row could refer to another tenant's row, and a cascade could delete across tenants.",
    fix: "Refer from (organization_id, x_id) to (organization_id, id); with set null, name the column: on delete set null (x_id).",
    source: "docs/conventions.md#foreign-keys-between-tenant-tables",
    check: Check::Catalogue(include_str!("tenant_foreign_keys_composite.sql")),
    breaks: &[
        // user_organizations is a tenant table as well.
        sql(
            "alter table campaigns add membership_id uuid constraint \
             fk_campaigns_membership_id_user_organizations references user_organizations (id) on delete \
             cascade; create index ix_campaigns_membership on campaigns (membership_id); comment on column \
             campaigns.membership_id is 'Who looks after the campaign.'",
            &["campaigns.fk_campaigns_membership_id_user_organizations"],
        ),
    ],
};
