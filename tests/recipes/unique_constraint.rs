//! Requires that an organization configures each outbound number once.
//!
//! Intent: a call is assigned to the configuration with its number, which the constraint makes one
//! (`uq_provider_configs_organization_id_outbound_number`).
//! Risk: fails while a number is there twice. Reads the table twice; readers and writers continue.
//! Down: drops the constraint and its index.

use migration::online::ConcurrentIndex;
use sea_orm_migration::prelude::*;

fn index() -> ConcurrentIndex {
    ConcurrentIndex::unique("provider_configs", &["organization_id", "outbound_number"])
}

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    // The index is built concurrently.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        index().create_constraint(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        index().drop_constraint(manager).await
    }
}
