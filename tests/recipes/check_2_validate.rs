//! Validates the limit of `contacts.attempts_count`.
//!
//! Intent: rows that were written before the check satisfy it as well.
//! Risk: reads the table once; readers and writers continue.
//! Locks: contacts (share update exclusive: the validation).
//! Down: nothing is lost; the check is `not valid` again.

use super::check_1_add::CHECK;
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        CHECK.validate(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        CHECK.invalidate(manager).await
    }
}
