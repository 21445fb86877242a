//! Creates `organizations`: the tenants.
//!
//! Intent: every tenant table refers to this one; a customer reads its own row, and updates its name and metadata.
//! Risk: none. The table is new, so nothing is locked or rewritten.
//! Down: drops every organization.

use crate::ddl::{BOUND_ORGANIZATION, NewTable, Policy, drop_table};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{json_binary, text, timestamp_with_time_zone_null};

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let own = format!("id = {BOUND_ORGANIZATION}");
        NewTable::new(manager, "organizations")
            .text(text("name"), 255)
            .text(text("slug"), 63)
            .column(json_binary("metadata").default("{}"))
            .column(timestamp_with_time_zone_null("deleted_at"))
            .unique(&["slug"])
            .check_as(
                "slug_form",
                "slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'",
                "slug <> '' and slug not glob '*[^a-z0-9-]*' and slug not glob '-*' \
                 and slug not glob '*-' and slug not glob '*--*'",
            )
            .policy(&Policy::all("tenant_isolation", &own))
            .grant("select, update (name, metadata)")
            .create(manager)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "organizations").await
    }
}
