//! Creates `email_notifications`: the e-mails that an event causes.
//!
//! Intent: the e-mail worker selects by status; other queries select by event, contact, campaign or template. A
//! template with notifications cannot be deleted, because it documents what a contact received.
//! Risk: writes to the tables under Locks wait until the migration commits. Reads do not wait, and nothing is
//! rewritten.
//! Locks: campaigns (share row exclusive: the key); contacts (share row exclusive: the key); `email_templates`
//! (share row exclusive: the key); events (share row exclusive: the key); organizations (share row exclusive: the
//! key).
//! Down: drops every notification.

use super::m20261121_000001_create_enums::EMAIL_STATUS;
use crate::ddl::{NewTable, drop_table};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{text, text_null, uuid};

const CUSTOMER_PRIVILEGES: &str =
    "select, insert, update (to_email, status, provider_message_id, error_message)";

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        NewTable::tenant(manager, "email_notifications", CUSTOMER_PRIVILEGES)
            .column(uuid("event_id"))
            .column(uuid("contact_id"))
            .column(uuid("campaign_id"))
            .column(uuid("template_id"))
            .text(text("to_email"), 255)
            .column(EMAIL_STATUS.column("status").default("pending"))
            .text(text_null("provider_message_id"), 255)
            .column(text_null("error_message"))
            .references_own("event_id", "events", ForeignKeyAction::Cascade)
            .references_own("contact_id", "contacts", ForeignKeyAction::Cascade)
            .references_own("campaign_id", "campaigns", ForeignKeyAction::Cascade)
            .references_own("template_id", "email_templates", ForeignKeyAction::Restrict)
            .index(&["organization_id"])
            .index(&["event_id"])
            .index(&["contact_id"])
            .index(&["campaign_id"])
            .index(&["template_id"])
            .index(&["status"])
            .index(&["created_at", "id"])
            .create(manager)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "email_notifications").await
    }
}
