//! Drops `contacts.last_attempt_at`, whose new name is `last_called_at`.
//!
//! Intent: no running release reads or writes the old name.
//! Risk: code that names the old column fails.
//! Locks: contacts (access exclusive: for the change of the catalogue).
//! Down: adds the old column, last in the table, and fills it in one statement; the trigger copies changes again.

use super::rename_1_expand::rename;
use super::rename_2_backfill;
use migration::online::execute;
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename().contract(manager, &rename_2_backfill::Migration).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename().undo_contract(manager).await?;
        execute(manager, INDEX).await
    }
}

/// It was dropped with the column.
const INDEX: &str = "CREATE INDEX IF NOT EXISTS \"ix_contacts_campaign_attempts_count_last_attempt_created_due\" \
    ON \"contacts\" (\"campaign_id\", \"attempts_count\", \"last_attempt_at\", \"created_at\") \
    WHERE state in ('pending', 'not_reached')";
