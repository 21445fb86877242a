//! Drops `campaigns.description`, which the code of the previous release neither reads nor writes.
//!
//! Intent: no document or client uses it any more.
//! Risk: code older than the previous release names the column and fails.
//! Locks: campaigns (access exclusive: for the change of the catalogue).
//! Down: adds the column again, last in the table and empty: restore its values from a backup.

use super::statements::{execute, is_postgres, sqlite_add_column, sqlite_drop_column};
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            execute(manager, UP).await
        } else {
            sqlite_drop_column(manager, "campaigns", "description").await
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            execute(manager, DOWN).await
        } else {
            sqlite_add_column(manager, "campaigns", "\"description\" text NULL").await
        }
    }
}

const UP: &str = "alter table campaigns drop column if exists description";

/// Privileges on a column are dropped with it.
const DOWN: &str = "
alter table campaigns add column if not exists description text;
grant update (description) on campaigns to customer";
