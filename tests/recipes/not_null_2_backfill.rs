//! Fills `email_templates.body_text` in batches.
//!
//! Intent: an e-mail without a plain-text part gets an empty one.
//! Risk: writers of a row wait for its batch, milliseconds. `updated_at` of the filled rows changes.
//! Down: nothing. The filled values stay.

use super::statements::update_in_batches;
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    // Each batch commits by itself.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        update_in_batches(manager, "email_templates", "body_text = ''", "body_text is null").await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
