//! Fills `email_notifications.error_details` in batches.
//!
//! Intent: messages written before the trigger become documents.
//! Risk: writers of a row wait for its batch, milliseconds. `updated_at` of the filled rows changes.
//! Down: nothing. The documents go with the column.

use migration::online::{Backfill, is_postgres};
use sea_orm_migration::prelude::*;

pub fn backfill(manager: &SchemaManager<'_>) -> Backfill {
    let object = if is_postgres(manager) { "jsonb_build_object" } else { "json_object" };
    Backfill::new(
        "email_notifications",
        &format!("error_details = {object}('message', error_message)"),
        "error_details is null and error_message is not null",
    )
}

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        backfill(manager).run(manager).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
