//! Creates `audit_seals`: the hash-chained seals of the audit trail.
//!
//! Intent: `ops audit seal` appends a seal, and `ops audit verify` reads them by their number, which is unique, so that
//! the chain has no fork. Row Level Security has no policy and customers have no privilege: only the owner reads it. A
//! trigger rejects changes and deletions. On SQLite, which has no audit entries, it stays empty.
//! Risk: none. The table is new, so nothing is locked or rewritten.
//! Down: drops every seal, which nothing can restore: later ones begin a new chain.

use crate::ddl::{NewTable, drop_table, execute};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, text};
use sea_orm_migration::sea_orm::DbBackend;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        NewTable::new(manager, "audit_seals")
            .column(big_integer("number"))
            .text(text("previous_digest"), 64)
            .text(text("digest"), 64)
            .column(text("snapshot"))
            .column(text("entries"))
            .check("number_range", "number >= 1")
            .unique(&["number"])
            .create(manager)
            .await?;
        if manager.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        execute(
            manager,
            "create or replace trigger append_only before update or delete or truncate on audit_seals \
             for each statement execute function reject_change()",
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "audit_seals").await
    }
}
