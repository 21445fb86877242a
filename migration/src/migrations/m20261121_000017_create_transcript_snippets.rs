//! Creates `transcript_snippets`: the transcript of a call, in parts.
//!
//! Intent: the snippets of a call are selected by its key; retention deletes those of an organization by
//! time.
//! Risk: writes to the tables under Locks wait until the migration commits. Reads do not wait, and nothing is
//! rewritten.
//! Locks: `call_attempts` (share row exclusive: the key); organizations (share row exclusive: the key).
//! Down: drops every transcript.

use super::m20261121_000001_create_enums::LANGUAGE_CODE;
use crate::ddl::{NewTable, drop_table};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{text, uuid};

const CUSTOMER_PRIVILEGES: &str = "select, insert, delete";

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        NewTable::tenant(manager, "transcript_snippets", CUSTOMER_PRIVILEGES)
            .column(uuid("call_attempt_id"))
            .column(text("transcript_text"))
            .column(LANGUAGE_CODE.column("language").default("en"))
            .references_own("call_attempt_id", "call_attempts", ForeignKeyAction::Cascade)
            .index(&["organization_id", "created_at", "id"])
            .index(&["call_attempt_id"])
            .index(&["created_at"])
            .create(manager)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "transcript_snippets").await
    }
}
