//! Creates `call_attempts`: the calls, one row for each attempt.
//!
//! Intent: webhooks find an attempt by `call_id` (unique) or `provider_call_id`; the calls of a contact and of a
//! campaign are selected by their keys; the dashboard selects by outcome and time, and counts a campaign's calls and
//! their durations without reading the calls (`ix_call_attempts_organization_campaign_outcome_answered_ended`, with
//! `organization_id` because the policy adds it); retention reads an organization's
//! recordings by time (`ix_call_attempts_organization_started_id_recorded`), and not the calls whose recording is gone. No
//! check orders the times, because a provider's clock may be wrong.
//! Risk: writes to the tables under Locks wait until the migration commits. Reads do not wait, and nothing is
//! rewritten.
//! Locks: campaigns (share row exclusive: the key); contacts (share row exclusive: the key); organizations (share
//! row exclusive: the key).
//! Down: drops every call and, by cascade, its answers and transcripts.

use super::m20261121_000001_create_enums::CALL_OUTCOME;
use crate::ddl::{NewTable, drop_table};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, json_binary, text, text_null, timestamp_with_time_zone_null, uuid,
};

const CUSTOMER_PRIVILEGES: &str = "select, insert, update (\
    provider_call_id, provider_raw_status, answered_at, ended_at, outcome, error_code, metadata)";

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        NewTable::tenant(manager, "call_attempts", CUSTOMER_PRIVILEGES)
            .column(uuid("contact_id"))
            .column(uuid("campaign_id"))
            .column(big_integer("attempt_number"))
            .text(text("call_id"), 255)
            .text(text_null("provider_call_id"), 255)
            .instant("started_at")
            .column(timestamp_with_time_zone_null("answered_at"))
            .column(timestamp_with_time_zone_null("ended_at"))
            .column(CALL_OUTCOME.column_null("outcome"))
            .text(text_null("provider_raw_status"), 255)
            .text(text_null("error_code"), 100)
            .column(json_binary("metadata").default("{}"))
            .check("attempt_number_range", "attempt_number >= 1")
            .references_own("contact_id", "contacts", ForeignKeyAction::Cascade)
            .references_own("campaign_id", "campaigns", ForeignKeyAction::Cascade)
            .unique(&["organization_id", "id"])
            .unique(&["call_id"])
            .unique(&["contact_id", "attempt_number"])
            .index(&["contact_id"])
            .index(&["campaign_id"])
            .index(&["provider_call_id"])
            .index(&["outcome"])
            .index(&["started_at"])
            .index(&["organization_id", "campaign_id", "outcome", "answered_at", "ended_at"])
            .index_where(
                &["organization_id", "started_at", "id"],
                "recorded",
                "(metadata ->> 'recording_url') is not null",
            )
            .create(manager)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "call_attempts").await
    }
}
