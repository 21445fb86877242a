//! Fills `contacts.last_called_at` in batches.
//!
//! Intent: rows written before the trigger get the value of `last_attempt_at`.
//! Risk: writers of a row wait for its batch, milliseconds. `updated_at` of the filled rows changes.
//! Down: nothing. The values go with the column.

use super::statements::update_in_batches;
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Once both names agree there is nothing to fill, so that a second run changes no row.
        let pending = "last_called_at is null and last_attempt_at is not null";
        update_in_batches(manager, "contacts", "last_called_at = last_attempt_at", pending).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
