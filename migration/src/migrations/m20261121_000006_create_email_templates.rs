//! Creates `email_templates`: the e-mail texts, one for each outcome and language.
//!
//! Intent: a campaign refers to its templates; the template editor lists them by type and by language.
//! Risk: writes to the tables under Locks wait until the migration commits. Reads do not wait, and nothing is
//! rewritten.
//! Locks: organizations (share row exclusive: the key).
//! Down: drops every template.

use super::m20261121_000001_create_enums::{EMAIL_TEMPLATE_TYPE, LANGUAGE_CODE};
use crate::ddl::{NewTable, drop_table};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{text, text_null, timestamp_with_time_zone_null};

const CUSTOMER_PRIVILEGES: &str =
    "select, insert, update (name, type, subject, body_html, body_text, locale, deleted_at)";

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        NewTable::tenant(manager, "email_templates", CUSTOMER_PRIVILEGES)
            .text(text("name"), 255)
            .column(EMAIL_TEMPLATE_TYPE.column("type"))
            .text(text("subject"), 500)
            .column(text("body_html"))
            .column(text_null("body_text"))
            .column(LANGUAGE_CODE.column("locale").default("en"))
            .column(timestamp_with_time_zone_null("deleted_at"))
            .unique(&["organization_id", "id"])
            .index(&["type"])
            .index(&["locale"])
            .create(manager)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "email_templates").await
    }
}
