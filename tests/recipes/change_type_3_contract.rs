//! Drops `email_notifications.error_message`, which `error_details` replaces.
//!
//! Intent: no running release reads or writes the text.
//! Risk: code that names the old column fails.
//! Locks: `email_notifications` (access exclusive: for the change of the catalogue).
//! Down: adds the text, last in the table, and fills it in one statement with the messages of the documents.

use super::change_type_1_expand;
use super::statements::{execute, is_postgres, sqlite_add_column, sqlite_drop_column};
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            execute(manager, UP).await
        } else {
            sqlite_drop_column(manager, "email_notifications", "error_message").await
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            execute(manager, DOWN).await?;
            execute(manager, change_type_1_expand::UP).await
        } else {
            sqlite_add_column(manager, "email_notifications", "\"error_message\" text NULL").await?;
            let sql = "update email_notifications set error_message = error_details ->> 'message'";
            execute(manager, sql).await
        }
    }
}

const UP: &str = "
drop trigger if exists error_details on email_notifications;
drop function if exists email_notifications_error_details();
alter table email_notifications drop column if exists error_message";

const DOWN: &str = "
alter table email_notifications add column if not exists error_message text;
grant update (error_message) on email_notifications to customer;
update email_notifications set error_message = error_details ->> 'message'
where error_message is distinct from error_details ->> 'message'";
