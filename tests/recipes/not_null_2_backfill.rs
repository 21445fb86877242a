//! Fills `email_templates.body_text` in batches.
//!
//! Intent: an e-mail without a plain-text part gets an empty one.
//! Risk: writers of a row wait for its batch, milliseconds. `updated_at` of the filled rows changes.
//! Down: nothing. The filled values stay.

use migration::online::Backfill;
use sea_orm_migration::prelude::*;

pub fn backfill() -> Backfill {
    Backfill::new("email_templates", "body_text = ''", "body_text is null")
}

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    // Each batch commits by itself.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        backfill().run(manager).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
