//! Indexes `contacts.invitation_template_id`.
//!
//! Intent: deleting a template finds the contacts that refer to it (`ix_contacts_invitation_template`).
//! Risk: reads the table twice; readers and writers continue.
//! Down: drops the index.

use super::statements::{execute, is_postgres};
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return execute(manager, SQLITE).await;
        }
        execute(manager, DROP).await?;
        execute(manager, CREATE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql =
            if is_postgres(manager) { DROP } else { "drop index if exists ix_contacts_invitation_template" };
        execute(manager, sql).await
    }
}

const DROP: &str = "drop index concurrently if exists ix_contacts_invitation_template";

const CREATE: &str = "create index concurrently if not exists ix_contacts_invitation_template
    on contacts (invitation_template_id)";

const SQLITE: &str = "create index if not exists ix_contacts_invitation_template
    on contacts (invitation_template_id)";
