//! Validates the key of `contacts.invitation_template_id`.
//!
//! Intent: rows that were written before the key refer to templates of their organization as well.
//! Risk: reads the table once; readers and writers of both tables continue.
//! Locks: contacts (share update exclusive: the validation).
//! Down: nothing is lost; the key is `not valid` again.

use super::foreign_key_1_add::key;
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        key().validate(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        key().invalidate(manager).await
    }
}
