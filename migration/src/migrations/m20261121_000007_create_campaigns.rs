//! Creates `campaigns`: a survey of three questions for a list of contacts.
//!
//! Intent: the scheduler selects campaigns by status; the dashboard lists those of an organization, newest first,
//! without deleted ones (`ix_campaigns_organization_created`), and searches by name. A customer may name only a
//! visible user as the author and may not change the author afterwards: the key to `users` alone would accept a
//! user of another organization.
//! Risk: writes to the tables under Locks wait until the migration commits. Reads do not wait, and nothing is
//! rewritten.
//! Locks: `email_templates` (share row exclusive: the key); organizations (share row exclusive: the key); users
//! (share row exclusive: the key).
//! Down: drops every campaign and, by cascade, its contacts, calls and answers.

use super::m20261121_000001_create_enums::{CAMPAIGN_STATUS, LANGUAGE_CODE, QUESTION_TYPE};
use crate::ddl::{NewTable, Policy, drop_table};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, text, text_null, time, timestamp_with_time_zone_null, uuid_null,
};

const CUSTOMER_PRIVILEGES: &str = "select, insert, update (\
    name, description, status, language, intro_script, question_1_text, question_2_text, question_3_text, \
    question_1_type, question_2_type, question_3_type, max_attempts, retry_interval_minutes, \
    allowed_call_start_local, allowed_call_end_local, email_completed_template_id, email_refused_template_id, \
    email_not_reached_template_id, deleted_at)";

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        NewTable::tenant(manager, "campaigns", CUSTOMER_PRIVILEGES)
            .text(text("name"), 255)
            .column(text_null("description"))
            .column(CAMPAIGN_STATUS.column("status").default("draft"))
            .column(LANGUAGE_CODE.column("language").default("en"))
            .column(text("intro_script"))
            .column(text("question_1_text"))
            .column(text("question_2_text"))
            .column(text("question_3_text"))
            .column(QUESTION_TYPE.column("question_1_type"))
            .column(QUESTION_TYPE.column("question_2_type"))
            .column(QUESTION_TYPE.column("question_3_type"))
            .column(big_integer("max_attempts").default(3))
            .column(big_integer("retry_interval_minutes").default(60))
            .column(time("allowed_call_start_local").default("09:00:00"))
            .column(time("allowed_call_end_local").default("20:00:00"))
            .column(uuid_null("email_completed_template_id"))
            .column(uuid_null("email_refused_template_id"))
            .column(uuid_null("email_not_reached_template_id"))
            .column(uuid_null("created_by_user_id"))
            .column(timestamp_with_time_zone_null("deleted_at"))
            .check("max_attempts_range", "max_attempts between 1 and 5")
            .check("retry_interval_minutes_range", "retry_interval_minutes >= 1")
            // A draft may contain an invalid window.
            .check(
                "call_window",
                "status not in ('scheduled', 'running', 'paused') \
                 or allowed_call_start_local < allowed_call_end_local",
            )
            .references_own("email_completed_template_id", "email_templates", ForeignKeyAction::SetNull)
            .references_own("email_refused_template_id", "email_templates", ForeignKeyAction::SetNull)
            .references_own("email_not_reached_template_id", "email_templates", ForeignKeyAction::SetNull)
            .references("created_by_user_id", "users", ForeignKeyAction::SetNull)
            .unique(&["organization_id", "id"])
            .index(&["name"])
            .index(&["status"])
            .index(&["created_by_user_id"])
            .index(&["email_completed_template_id"])
            .index(&["email_refused_template_id"])
            .index(&["email_not_reached_template_id"])
            .index_where(&["organization_id", "created_at"], "live", "deleted_at is null")
            .policy(&Policy::insert_also(
                "author_is_visible",
                "created_by_user_id is null \
                 or exists (select from users where users.id = campaigns.created_by_user_id)",
            ))
            .create(manager)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "campaigns").await
    }
}
