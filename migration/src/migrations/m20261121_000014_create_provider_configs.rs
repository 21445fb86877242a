//! Creates `provider_configs`: the telephony provider and the language model of an organization.
//!
//! Intent: one current row for each organization; older rows may remain.
//! Risk: writes to the tables under Locks wait until the migration commits. Reads do not wait, and nothing is
//! rewritten.
//! Locks: organizations (share row exclusive: the key).
//! Down: drops every configuration.

use super::m20261121_000001_create_enums::{LLM_PROVIDER, PROVIDER_TYPE};
use crate::ddl::{NewTable, drop_table};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, text};

const CUSTOMER_PRIVILEGES: &str = "select, insert, update (\
    provider_type, provider_name, outbound_number, max_concurrent_calls, llm_provider, llm_model, \
    recording_retention_days, transcript_retention_days)";

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        NewTable::tenant(manager, "provider_configs", CUSTOMER_PRIVILEGES)
            .column(PROVIDER_TYPE.column("provider_type").default("telephony_api"))
            .text(text("provider_name").default("twilio"), 100)
            .text(text("outbound_number"), 50)
            .column(big_integer("max_concurrent_calls").default(5))
            .column(LLM_PROVIDER.column("llm_provider").default("openai"))
            .text(text("llm_model").default("gpt-4.1-mini"), 100)
            .column(big_integer("recording_retention_days").default(180))
            .column(big_integer("transcript_retention_days").default(180))
            .check("max_concurrent_calls_range", "max_concurrent_calls >= 1")
            .check("recording_retention_days_range", "recording_retention_days >= 1")
            .check("transcript_retention_days_range", "transcript_retention_days >= 1")
            .index(&["organization_id"])
            .create(manager)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "provider_configs").await
    }
}
