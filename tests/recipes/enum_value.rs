//! Adds the value `complaint` to `exclusion_source`.
//!
//! Intent: a number that a regulator reports is excluded, and its source is named.
//! Risk: none. Only a row of the catalogue is added. Code of the previous release cannot read the value, so release
//! the code that knows it before code writes it.
//! Down: fails while a row has the value. PostgreSQL cannot remove one: the type is replaced, which rewrites
//! `exclusion_list_entries` under an access exclusive lock.

use super::statements::{execute, is_postgres, sqlite_redefine};
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            execute(manager, UP).await
        } else {
            sqlite_redefine(manager, "exclusion_list_entries", OLD, NEW).await
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            execute(manager, DOWN).await
        } else {
            sqlite_redefine(manager, "exclusion_list_entries", NEW, OLD).await
        }
    }
}

/// The value can be used only after this transaction: what writes it is another migration.
const UP: &str = "alter type exclusion_source add value if not exists 'complaint' after 'manual'";

const DOWN: &str = "
do $$ begin
    if 'complaint' <> all (enum_range(null::exclusion_source)::text[]) then
        return;
    end if;
    alter type exclusion_source rename to exclusion_source_old;
    create type exclusion_source as enum ('import', 'api', 'manual');
    alter table exclusion_list_entries
        alter column source drop default,
        alter column source type exclusion_source using source::text::exclusion_source,
        alter column source set default 'manual';
    drop type exclusion_source_old;
end $$";

const OLD: &str = "'import', 'api', 'manual')";

const NEW: &str = "'import', 'api', 'manual', 'complaint')";
