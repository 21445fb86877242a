//! Creates `exclusion_list_entries`: the phone numbers that are never called.
//!
//! Intent: an import adds each number once (the unique constraint); the scheduler looks a number up
//! (`ix_exclusion_list_entries_phone`); pages are read in their order
//! (`ix_exclusion_list_entries_organization_created_id`).
//! Risk: writes to the tables under Locks wait until the migration commits. Reads do not wait, and nothing is
//! rewritten.
//! Locks: organizations (share row exclusive: the key).
//! Down: drops every exclusion, after which the numbers could be called again: export the table first.

use super::m20261121_000001_create_enums::EXCLUSION_SOURCE;
use crate::ddl::{NewTable, drop_table};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{text, text_null};

const CUSTOMER_PRIVILEGES: &str = "select, insert, delete";

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        NewTable::tenant(manager, "exclusion_list_entries", CUSTOMER_PRIVILEGES)
            .text(text("phone_number"), 50)
            .column(text_null("reason"))
            .column(EXCLUSION_SOURCE.column("source").default("manual"))
            .check_as(
                "phone_number_e164",
                "phone_number ~ '^[+][1-9][0-9]{1,14}$'",
                "(phone_number glob '+[1-9][0-9]*' and substr(phone_number, 2) not glob '*[^0-9]*' \
                 and length(phone_number) between 3 and 16)",
            )
            .unique(&["organization_id", "phone_number"])
            .index(&["phone_number"])
            .index(&["organization_id", "created_at", "id"])
            .create(manager)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "exclusion_list_entries").await
    }
}
