//! Drops `contacts.last_attempt_at`, whose new name is `last_called_at`.
//!
//! Intent: no running release reads or writes the old name.
//! Risk: code that names the old column fails. Locks contacts (access exclusive) for changes of the catalogue.
//! Down: adds the old column, last in the table, copies changes again by the trigger, and fills the column in batches.

use super::rename_1_expand::rename;
use super::rename_2_backfill;
use migration::online::ConcurrentIndex;
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename().contract(manager, &rename_2_backfill::Migration).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename().undo_contract(manager).await?;
        index().create(manager).await
    }
}

/// It was dropped with the column.
fn index() -> ConcurrentIndex {
    let columns = &["campaign_id", "attempts_count", "last_attempt_at", "created_at"];
    ConcurrentIndex::new("contacts", columns).filtered("due", "state in ('pending', 'not_reached')")
}
