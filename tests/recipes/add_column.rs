//! Adds `contacts.priority`.
//!
//! Intent: the scheduler calls contacts of a higher priority first.
//! Risk: none. The default is a constant, which PostgreSQL stores in the catalogue: no row is read or written.
//! Locks: contacts (access exclusive: for the change of the catalogue).
//! Down: drops every priority.

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
            sqlite_add_column(manager, "contacts", "priority bigint not null default 0").await
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            execute(manager, DOWN).await
        } else {
            sqlite_drop_column(manager, "contacts", "priority").await
        }
    }
}

const UP: &str = "alter table contacts add column if not exists priority bigint not null default 0";

const DOWN: &str = "alter table contacts drop column if exists priority";
