//! Adds `exclusion_list_entries.reason_code` and `reason_note`, the parts of `reason`.
//!
//! Intent: reports count the codes. A reason reads `code: note`; a trigger splits it and joins the parts.
//! Risk: each write of an entry runs one more trigger until the contract migration.
//! Locks: `exclusion_list_entries` (access exclusive: for the change of the catalogue).
//! Down: drops the parts; `reason` has them.

use super::statements::{execute, is_postgres, sqlite_add_column, sqlite_drop_column};
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            return execute(manager, UP).await;
        }
        sqlite_add_column(manager, "exclusion_list_entries", "reason_code text").await?;
        sqlite_add_column(manager, "exclusion_list_entries", "reason_note text").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            return execute(manager, DOWN).await;
        }
        sqlite_drop_column(manager, "exclusion_list_entries", "reason_code").await?;
        sqlite_drop_column(manager, "exclusion_list_entries", "reason_note").await
    }
}

pub const UP: &str = "
alter table exclusion_list_entries
    add column if not exists reason_code text,
    add column if not exists reason_note text;
create or replace function exclusion_list_entries_reason() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' and new.reason_code is not null
        or tg_op = 'UPDATE' and (new.reason_code, new.reason_note) is distinct from (old.reason_code, old.reason_note)
    then
        new.reason := new.reason_code || coalesce(': ' || new.reason_note, '');
    elsif tg_op = 'INSERT' or new.reason is distinct from old.reason then
        new.reason_code := split_part(new.reason, ': ', 1);
        new.reason_note := substring(new.reason from ': (.*)');
    end if;
    return new;
end $$;
revoke execute on function exclusion_list_entries_reason() from public;
comment on function exclusion_list_entries_reason() is
    'Trigger function: reason is reason_code and reason_note in one text.';
create or replace trigger reason before insert or update of reason, reason_code, reason_note
    on exclusion_list_entries for each row execute function exclusion_list_entries_reason()";

const DOWN: &str = "
drop trigger if exists reason on exclusion_list_entries;
drop function if exists exclusion_list_entries_reason();
alter table exclusion_list_entries drop column if exists reason_code, drop column if exists reason_note";
