//! Validates the check that `email_templates.body_text` is not null.
//!
//! Intent: the valid check proves that no row has a null, so that `set not null` does not read the table.
//! Risk: reads the table once; readers and writers continue.
//! Locks: `email_templates` (share update exclusive: the validation).
//! Down: nothing is lost; the check is `not valid` again.

use super::not_null_1_check::BODY_TEXT;
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        BODY_TEXT.validate(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        BODY_TEXT.invalidate(manager).await
    }
}
