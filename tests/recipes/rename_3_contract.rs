//! Drops `contacts.last_attempt_at`, whose new name is `last_called_at`.
//!
//! Intent: no running release reads or writes the old name.
//! Risk: code that names the old column fails.
//! Locks: contacts (access exclusive: for the change of the catalogue).
//! Down: adds the old column, last in the table, and fills it in one statement; the trigger copies changes again.

use super::rename_1_expand;
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
            sqlite_drop_column(manager, "contacts", "last_attempt_at").await
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            execute(manager, DOWN).await?;
            execute(manager, rename_1_expand::UP).await
        } else {
            let column = "\"last_attempt_at\" timestamp_with_timezone_text NULL";
            sqlite_add_column(manager, "contacts", column).await?;
            execute(manager, "update contacts set last_attempt_at = last_called_at").await
        }
    }
}

const UP: &str = "
drop trigger if exists last_called_at on contacts;
drop function if exists contacts_last_called_at();
alter table contacts drop column if exists last_attempt_at";

const DOWN: &str = "
alter table contacts add column if not exists last_attempt_at timestamptz;
grant update (last_attempt_at) on contacts to customer;
update contacts set last_attempt_at = last_called_at where last_attempt_at is distinct from last_called_at;
create index if not exists ix_contacts_campaign_attempts_count_last_attempt_created_due
    on contacts (campaign_id, attempts_count, last_attempt_at, created_at)
    where state in ('pending', 'not_reached')";
