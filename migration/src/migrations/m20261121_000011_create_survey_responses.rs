//! Creates `survey_responses`: the three answers of a contact.
//!
//! Intent: one response for each contact of a campaign (the unique constraint); the dashboard and the export read
//! by campaign and by time of completion; pages of a campaign's responses are read in their order
//! (`ix_survey_responses_campaign_created_id`). The key to the campaign is looked up by
//! `ix_survey_responses_organization_campaign`: an index on the organization alone would be smaller, be preferred, and
//! read the responses of the whole organization.
//! Risk: writes to the tables under Locks wait until the migration commits. Reads do not wait, and nothing is
//! rewritten.
//! Locks: `call_attempts` (share row exclusive: the key); campaigns (share row exclusive: the key); contacts (share
//! row exclusive: the key); organizations (share row exclusive: the key).
//! Down: drops every answer.

use crate::ddl::{NewTable, drop_table};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{decimal_len_null, text_null, uuid};

const CUSTOMER_PRIVILEGES: &str = "select, insert, update (q1_answer, q2_answer, q3_answer)";

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        NewTable::tenant(manager, "survey_responses", CUSTOMER_PRIVILEGES)
            .column(uuid("contact_id"))
            .column(uuid("campaign_id"))
            .column(uuid("call_attempt_id"))
            .column(text_null("q1_answer"))
            .column(text_null("q2_answer"))
            .column(text_null("q3_answer"))
            .column(decimal_len_null("q1_confidence", 3, 2))
            .column(decimal_len_null("q2_confidence", 3, 2))
            .column(decimal_len_null("q3_confidence", 3, 2))
            .instant("completed_at")
            .check("q1_confidence_range", "q1_confidence between 0 and 1")
            .check("q2_confidence_range", "q2_confidence between 0 and 1")
            .check("q3_confidence_range", "q3_confidence between 0 and 1")
            .references_own("contact_id", "contacts", ForeignKeyAction::Cascade)
            .references_own("campaign_id", "campaigns", ForeignKeyAction::Cascade)
            .references_own("call_attempt_id", "call_attempts", ForeignKeyAction::Cascade)
            .unique(&["contact_id", "campaign_id"])
            .index(&["organization_id", "campaign_id"])
            .index(&["contact_id"])
            .index(&["campaign_id", "created_at", "id"])
            .index(&["call_attempt_id"])
            .index(&["completed_at"])
            .create(manager)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "survey_responses").await
    }
}
