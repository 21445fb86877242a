//! Requires `email_templates.body_text` in rows that are written from now on.
//!
//! Intent: every e-mail has a plain-text part. The column becomes `not null` in four migrations.
//! Risk: code that writes null fails, so release the code that always writes the column first.
//! Locks: `email_templates` (access exclusive: for the change of the catalogue, as `not valid` reads no row).
//! Down: nothing is lost.

use migration::online::NotNull;
use sea_orm_migration::prelude::*;

pub const BODY_TEXT: NotNull = NotNull { table: "email_templates", column: "body_text", sqlite_type: "text" };

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        BODY_TEXT.add_check(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        BODY_TEXT.drop_check(manager).await
    }
}
