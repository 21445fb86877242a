//! Creates `erasure_requests`: the requests of persons to erase their data, each with its deadline.
//!
//! Intent: `contacts::erase` records the request in the statement that erases. A request stays open while a call to the
//! contact has no outcome; those that are open are found by their deadline (`ix_erasure_requests_due_open`). A request
//! outlives its contact as the proof of the erasure, and holds no data of the person. The audit trail records it.
//! Risk: writes to the tables under Locks wait until the migration commits. Reads do not wait, and nothing is
//! rewritten.
//! Locks: contacts (share row exclusive: the key); organizations (share row exclusive: the key).
//! Down: drops every request, and with them the proof of the erasures.

use crate::ddl::{NewTable, audit, drop_audit, drop_table};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{timestamp_with_time_zone, timestamp_with_time_zone_null, uuid_null};

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        NewTable::tenant(manager, "erasure_requests", "select, insert, update (completed_at)")
            .column(uuid_null("contact_id"))
            .column(timestamp_with_time_zone("due_at"))
            .column(timestamp_with_time_zone_null("completed_at"))
            .references_own("contact_id", "contacts", ForeignKeyAction::SetNull)
            .index(&["organization_id"])
            .index(&["contact_id"])
            .index_where(&["due_at"], "open", "completed_at is null")
            .create(manager)
            .await?;
        audit(manager, "erasure_requests", &[]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_audit(manager, "erasure_requests").await?;
        drop_table(manager, "erasure_requests").await
    }
}
