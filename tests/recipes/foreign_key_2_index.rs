//! Indexes `contacts.invitation_template_id`.
//!
//! Intent: deleting a template finds the contacts that refer to it (`ix_contacts_invitation_template`).
//! Risk: reads the table twice; readers and writers continue.
//! Down: drops the index.

use migration::online::ConcurrentIndex;
use sea_orm_migration::prelude::*;

fn index() -> ConcurrentIndex {
    ConcurrentIndex::new("contacts", &["invitation_template_id"])
}

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
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
