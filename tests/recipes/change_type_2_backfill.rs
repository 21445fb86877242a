//! Fills `email_notifications.error_details` in batches.
//!
//! Intent: messages written before the trigger become documents.
//! Risk: writers of a row wait for its batch, milliseconds. `updated_at` of the filled rows changes.
//! Down: nothing. The documents go with the column.

use super::statements::{is_postgres, update_in_batches};
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let set = if is_postgres(manager) {
            "error_details = jsonb_build_object('message', error_message)"
        } else {
            "error_details = json_object('message', error_message)"
        };
        let pending = "error_details is null and error_message is not null";
        update_in_batches(manager, "email_notifications", set, pending).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
