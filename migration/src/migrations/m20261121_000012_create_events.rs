//! Creates `events`: the events for the event bus.
//!
//! Intent: the publisher reads the oldest unpublished events (`ix_events_created_unpublished`); pages of a campaign's
//! events are read in their order (`ix_events_campaign_created_id`); retention reads the oldest published ones
//! (`ix_events_created_published`); other queries select by campaign, contact, call or type. An index on the time of all
//! events would also serve the order of a campaign's page: the planner takes it for a large campaign, and reads every
//! event that is newer than the campaign's.
//! Risk: writes to the tables under Locks wait until the migration commits. Reads do not wait, and nothing is
//! rewritten.
//! Locks: `call_attempts` (share row exclusive: the key); campaigns (share row exclusive: the key); contacts (share
//! row exclusive: the key); organizations (share row exclusive: the key).
//! Down: drops every event, including unpublished ones.

use super::m20261121_000001_create_enums::EVENT_TYPE;
use crate::ddl::{NewTable, drop_table};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{json_binary, timestamp_with_time_zone_null, uuid, uuid_null};

const CUSTOMER_PRIVILEGES: &str = "select, insert, update (payload, published_at)";

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        NewTable::tenant(manager, "events", CUSTOMER_PRIVILEGES)
            .column(EVENT_TYPE.column("event_type"))
            .column(uuid("campaign_id"))
            .column(uuid("contact_id"))
            .column(uuid_null("call_attempt_id"))
            .column(json_binary("payload").default("{}"))
            .column(timestamp_with_time_zone_null("published_at"))
            .references_own("campaign_id", "campaigns", ForeignKeyAction::Cascade)
            .references_own("contact_id", "contacts", ForeignKeyAction::Cascade)
            .references_own("call_attempt_id", "call_attempts", ForeignKeyAction::SetNull)
            .unique(&["organization_id", "id"])
            .index(&["campaign_id", "created_at", "id"])
            .index_where(&["created_at"], "published", "published_at is not null")
            .index(&["contact_id"])
            .index(&["call_attempt_id"])
            .index(&["event_type"])
            .index_where(&["created_at"], "unpublished", "published_at is null")
            .create(manager)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "events").await
    }
}
