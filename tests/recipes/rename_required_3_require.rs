//! Sets `campaigns.introduction` not null.
//!
//! Intent: the new name is as reliable as the old one before code reads it.
//! Risk: locks campaigns (access exclusive) for changes of the catalogue, and reads it beside readers and writers.
//! Down: lets the column be null.

use super::rename_required_1_expand::rename;
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename().require(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename().undo_require(manager).await
    }
}
