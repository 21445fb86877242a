//! Adds `email_notifications.error_details`, a document in place of the text `error_message`.
//!
//! Intent: a provider's code and message are stored apart. A trigger converts a change of either column.
//! Risk: each write of a notification runs one more trigger until the contract migration.
//! Locks: `email_notifications` (access exclusive: for the change of the catalogue).
//! Down: drops the documents; `error_message` has every message.

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
            sqlite_add_column(manager, "email_notifications", SQLITE).await
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            execute(manager, DOWN).await
        } else {
            sqlite_drop_column(manager, "email_notifications", "error_details").await
        }
    }
}

pub const UP: &str = "
alter table email_notifications add column if not exists error_details jsonb;
grant update (error_details) on email_notifications to customer;
create or replace function email_notifications_error_details() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' and new.error_details is not null
        or tg_op = 'UPDATE' and new.error_details is distinct from old.error_details then
        new.error_message := new.error_details ->> 'message';
    elsif new.error_message is null then
        new.error_details := null;
    elsif tg_op = 'INSERT' or new.error_message is distinct from old.error_message then
        new.error_details := jsonb_build_object('message', new.error_message);
    end if;
    return new;
end $$;
revoke execute on function email_notifications_error_details() from public;
comment on function email_notifications_error_details() is
    'Trigger function: error_message and the message of error_details are one value.';
create or replace trigger error_details before insert or update of error_message, error_details
    on email_notifications for each row execute function email_notifications_error_details()";

const DOWN: &str = "
drop trigger if exists error_details on email_notifications;
drop function if exists email_notifications_error_details();
alter table email_notifications drop column if exists error_details";

const SQLITE: &str = "error_details jsonb_text \
    constraint ck_email_notifications_error_details_type check (json_valid(error_details))";
