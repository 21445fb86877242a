//! Drops `exclusion_list_entries.reason`, which `reason_code` and `reason_note` replace.
//!
//! Intent: no running release reads or writes the whole text.
//! Risk: code that names the old column fails.
//! Locks: `exclusion_list_entries` (access exclusive: for the change of the catalogue).
//! Down: adds the text, last in the table, and fills it in one statement from its parts.

use super::split_1_expand;
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
            sqlite_drop_column(manager, "exclusion_list_entries", "reason").await
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            execute(manager, DOWN).await?;
            execute(manager, split_1_expand::UP).await
        } else {
            sqlite_add_column(manager, "exclusion_list_entries", "\"reason\" text NULL").await?;
            execute(manager, FILL).await
        }
    }
}

const UP: &str = "
drop trigger if exists reason on exclusion_list_entries;
drop function if exists exclusion_list_entries_reason();
alter table exclusion_list_entries drop column if exists reason";

const DOWN: &str = "
alter table exclusion_list_entries add column if not exists reason text;
update exclusion_list_entries set reason = reason_code || coalesce(': ' || reason_note, '')
where reason is distinct from reason_code || coalesce(': ' || reason_note, '')";

const FILL: &str =
    "update exclusion_list_entries set reason = reason_code || coalesce(': ' || reason_note, '')";
