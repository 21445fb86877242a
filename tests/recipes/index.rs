//! Adds an index on `contacts.email`.
//!
//! Intent: an unsubscribe link finds the contacts with one e-mail address (`ix_contacts_email`).
//! Risk: reads the table twice, and waits for every transaction that is older than the index; writers do not wait.
//! An attempt that fails leaves an invalid index, which the next attempt drops.
//! Down: drops the index.

use super::statements::{execute, is_postgres};
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    // `concurrently` is not allowed within a transaction.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return execute(manager, "create index if not exists ix_contacts_email on contacts (email)")
                .await;
        }
        // One text each: the statements of one text share a transaction.
        execute(manager, DROP).await?;
        execute(manager, CREATE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = if is_postgres(manager) { DROP } else { "drop index if exists ix_contacts_email" };
        execute(manager, sql).await
    }
}

const DROP: &str = "drop index concurrently if exists ix_contacts_email";

const CREATE: &str = "create index concurrently if not exists ix_contacts_email on contacts (email)";
