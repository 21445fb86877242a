//! Adds an index on `contacts.email`.
//!
//! Intent: an unsubscribe link finds the contacts with one e-mail address (`ix_contacts_email`).
//! Risk: reads the table twice, and waits for every transaction that is older than the index; writers do not wait.
//! An attempt that fails leaves an invalid index, which the next attempt drops.
//! Down: drops the index.

use migration::online::ConcurrentIndex;
use sea_orm_migration::prelude::*;

fn index() -> ConcurrentIndex {
    ConcurrentIndex::new("contacts", &["email"])
}

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    // `concurrently` is not allowed within a transaction.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        index().create(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        index().drop(manager).await
    }
}
