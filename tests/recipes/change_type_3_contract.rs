//! Drops `email_notifications.error_message`, which `error_details` replaces.
//!
//! Intent: no running release reads or writes the text.
//! Risk: code that names the old column fails.
//! Locks: `email_notifications` (access exclusive: for the change of the catalogue).
//! Down: adds the text, last in the table, and fills it in one statement with the messages of the documents.

use super::change_type_1_expand::trigger;
use super::change_type_2_backfill::{self, backfill};
use migration::online::{add_column, drop_column, execute, grant_update};
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        backfill(manager).require_complete(manager, &change_type_2_backfill::Migration).await?;
        trigger().drop(manager).await?;
        drop_column(manager, "email_notifications", "error_message").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new("error_message").text().null().take();
        add_column(manager, "email_notifications", column).await?;
        grant_update(manager, "email_notifications", &["error_message"]).await?;
        execute(manager, FILL).await?;
        trigger().create(manager).await
    }
}

const FILL: &str = "update email_notifications set error_message = error_details ->> 'message'
    where error_message is distinct from error_details ->> 'message'";
