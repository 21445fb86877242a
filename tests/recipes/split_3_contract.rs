//! Drops `exclusion_list_entries.reason`, which `reason_code` and `reason_note` replace.
//!
//! Intent: no running release reads or writes the whole text.
//! Risk: code that names the old column fails.
//! Locks: `exclusion_list_entries` (access exclusive: for the change of the catalogue).
//! Down: adds the text, last in the table, and fills it in one statement from its parts.

use super::split_1_expand::trigger;
use super::split_2_backfill::{self, backfill};
use migration::online::{add_column, drop_column, execute};
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        backfill(manager).require_complete(manager, &split_2_backfill::Migration).await?;
        trigger().drop(manager).await?;
        drop_column(manager, "exclusion_list_entries", "reason").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_column(manager, "exclusion_list_entries", ColumnDef::new("reason").text().null().take()).await?;
        execute(manager, FILL).await?;
        trigger().create(manager).await
    }
}

const FILL: &str =
    "update exclusion_list_entries set reason = reason_code || coalesce(': ' || reason_note, '')
    where reason is distinct from reason_code || coalesce(': ' || reason_note, '')";
