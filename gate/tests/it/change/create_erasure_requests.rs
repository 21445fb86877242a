//! Creates `erasure_requests`: a person's request to erase what is stored about one contact.
//!
//! Intent: a request for erasure is recorded, with its deadline.
//! Risk: writes to the tables under Locks wait until the migration commits. Reads do not wait, and nothing is
//! rewritten.
//! Locks: `contacts` (share row exclusive: the key); `organizations` (share row exclusive: the key).
//! Down: drops every row of `erasure_requests`.

use crate::ddl::{NewTable, drop_table};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{timestamp_with_time_zone, timestamp_with_time_zone_null, uuid_null};

/// None yet. Each privilege needs a function of `database` that uses it, and an entry in `gate/grants.yaml`.
const CUSTOMER_PRIVILEGES: &str = "";

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        NewTable::tenant(manager, "erasure_requests", CUSTOMER_PRIVILEGES)
            .column(uuid_null("contact_id"))
            .column(timestamp_with_time_zone("due_at"))
            .column(timestamp_with_time_zone_null("completed_at"))
            .references_own("contact_id", "contacts", ForeignKeyAction::SetNull)
            .index(&["contact_id"])
            .index(&["organization_id"])
            .create(manager)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "erasure_requests").await
    }
}
