//! Drops `campaigns.intro_script`, whose new name is `introduction`.
//!
//! Intent: no running release reads or writes the old name.
//! Risk: code that names the old column fails. Locks campaigns (access exclusive) for changes of the catalogue.
//! Down: adds the old column, last in the table, copies changes again by the trigger, fills it and sets it not null.

use super::rename_required_1_expand::rename;
use super::rename_required_2_backfill;
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename().contract(manager, &rename_required_2_backfill::Migration).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename().undo_contract(manager).await
    }
}
