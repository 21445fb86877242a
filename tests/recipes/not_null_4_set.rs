//! Sets `email_templates.body_text` to `not null`, and drops the check that proves it.
//!
//! Intent: the entity's field becomes `String`.
//! Risk: none. The valid check proves that there is no null, so that no row is read.
//! Locks: `email_templates` (access exclusive: for the change of the catalogue).
//! Down: the column is nullable again and has its check, for which the table is read once.

use super::not_null_1_check::BODY_TEXT;
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        BODY_TEXT.set(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        BODY_TEXT.unset(manager).await
    }
}
