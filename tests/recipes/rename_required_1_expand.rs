//! Adds `campaigns.introduction`, the new name of `intro_script`, which is not null.
//!
//! Intent: both names hold the same value while code of two releases runs: a trigger copies a change of either one.
//! Risk: each write of a campaign runs one more trigger until the contract migration.
//! Locks: campaigns (access exclusive: for the change of the catalogue).
//! Down: drops the new column; the old one has every value.

use migration::online::Rename;
use sea_orm_migration::prelude::*;

pub fn rename() -> Rename {
    Rename {
        table: "campaigns",
        from: "intro_script",
        to: "introduction",
        column_type: ColumnType::Text,
        not_null: true,
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
