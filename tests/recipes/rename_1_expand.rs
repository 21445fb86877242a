//! Adds `contacts.last_called_at`, the new name of `last_attempt_at`.
//!
//! Intent: both names hold the same value while code of two releases runs: a trigger copies a change of either one.
//! Risk: each write of a contact runs one more trigger until the contract migration.
//! Locks: contacts (access exclusive: for the change of the catalogue).
//! Down: drops the new column; the old one has every value.

use migration::online::Rename;
use sea_orm_migration::prelude::*;

pub fn rename() -> Rename {
    Rename {
        table: "contacts",
        from: "last_attempt_at",
        to: "last_called_at",
        column_type: ColumnType::TimestampWithTimeZone,
        not_null: false,
        customer_updates: true,
    }
}

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename().expand(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename().undo_expand(manager).await
    }
}
