//! Drops `campaigns.description`, which the code of the previous release neither reads nor writes.
//!
//! Intent: no document or client uses it any more.
//! Risk: code older than the previous release names the column and fails.
//! Locks: campaigns (access exclusive: for the change of the catalogue).
//! Down: adds the column again, last in the table and empty: restore its values from a backup.

use migration::online::{add_column, drop_column, grant_update};
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_column(manager, "campaigns", "description").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_column(manager, "campaigns", ColumnDef::new("description").text().null().take()).await?;
        // Privileges on a column are dropped with it.
        grant_update(manager, "campaigns", &["description"]).await
    }
}
