//! Adds `contacts.last_called_at`, the new name of `last_attempt_at`.
//!
//! Intent: both names hold the same value while code of two releases runs: a trigger copies a change of either one.
//! Risk: each write of a contact runs one more trigger until the contract migration.
//! Locks: contacts (access exclusive: for the change of the catalogue).
//! Down: drops the new column; the old one has every value.

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
            sqlite_add_column(manager, "contacts", "last_called_at timestamp_with_timezone_text").await
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            execute(manager, DOWN).await
        } else {
            sqlite_drop_column(manager, "contacts", "last_called_at").await
        }
    }
}

pub const UP: &str = "
alter table contacts add column if not exists last_called_at timestamptz;
grant update (last_called_at) on contacts to customer;
create or replace function contacts_last_called_at() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' and new.last_called_at is not null
        or tg_op = 'UPDATE' and new.last_called_at is distinct from old.last_called_at then
        new.last_attempt_at := new.last_called_at;
    elsif tg_op = 'INSERT' or new.last_attempt_at is distinct from old.last_attempt_at then
        new.last_called_at := new.last_attempt_at;
    end if;
    return new;
end $$;
revoke execute on function contacts_last_called_at() from public;
comment on function contacts_last_called_at() is
    'Trigger function: last_attempt_at and last_called_at are one value under two names.';
create or replace trigger last_called_at before insert or update of last_attempt_at, last_called_at on contacts
    for each row execute function contacts_last_called_at()";

const DOWN: &str = "
drop trigger if exists last_called_at on contacts;
drop function if exists contacts_last_called_at();
alter table contacts drop column if exists last_called_at";
