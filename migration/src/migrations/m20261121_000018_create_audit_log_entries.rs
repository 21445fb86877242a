//! Creates `audit_log_entries`: who changed what in the tables of organizations, people, campaigns and configuration.
//!
//! Intent: triggers write one entry for each changed row, so that no program avoids it. An organization's entries are
//! listed by time (`ix_audit_log_entries_organization_created`). Entries outlive the rows that they name, so they have no
//! foreign keys. A trigger rejects changes and deletions, those by the owner included. On SQLite, which knows no actors, the
//! table stays empty.
//! Risk: writes to the tables under Locks wait until the migration commits. Reads do not wait, and nothing is
//! rewritten.
//! Locks: campaigns (share row exclusive: the trigger); `email_templates` (share row exclusive: the trigger);
//! `exclusion_list_entries` (share row exclusive: the trigger); organizations (share row exclusive: the trigger);
//! `provider_configs` (share row exclusive: the trigger); `user_organizations` (share row exclusive: the trigger);
//! users (share row exclusive: the trigger).
//! Down: drops every entry, which nothing can restore: export the table first.

use crate::ddl::{BOUND_ORGANIZATION, EnumType, NewTable, Policy, audit, drop_audit, drop_table, execute};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, json_binary, text, uuid_null};
use sea_orm_migration::sea_orm::DbBackend;

const AUDIT_ACTION: EnumType =
    EnumType { name: "audit_action", values: &["insert", "update", "delete", "truncate"] };
const AUDIT_ACTOR: EnumType = EnumType { name: "audit_actor", values: &["user", "system", "admin"] };

/// The tables with a trigger, each with the columns whose values are replaced by digests.
const AUDITED: [(&str, &[&str]); 7] = [
    ("campaigns", &["name", "description"]),
    ("email_templates", &[]),
    ("exclusion_list_entries", &["phone_number", "reason"]),
    ("organizations", &["metadata"]),
    ("provider_configs", &[]),
    ("user_organizations", &[]),
    ("users", &["oidc_sub", "email", "name", "metadata"]),
];

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        AUDIT_ACTION.create(manager).await?;
        AUDIT_ACTOR.create(manager).await?;
        let own = format!("organization_id = {BOUND_ORGANIZATION}");
        NewTable::new(manager, "audit_log_entries")
            .column(uuid_null("organization_id"))
            .column(AUDIT_ACTOR.column("actor"))
            .column(uuid_null("user_id"))
            .text(text("login"), 63)
            .column(big_integer("transaction_id"))
            .column(AUDIT_ACTION.column("action"))
            .text(text("table_name"), 63)
            .column(uuid_null("row_id"))
            .column(json_binary("changes").default("{}"))
            .index(&["organization_id", "created_at"])
            .policy(&Policy::all("tenant_isolation", &own))
            .grant("select")
            .create(manager)
            .await?;
        if manager.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        execute(manager, FUNCTIONS_UP).await?;
        for (table, personal) in AUDITED {
            audit(manager, table, personal).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, _) in AUDITED {
            drop_audit(manager, table).await?;
        }
        drop_table(manager, "audit_log_entries").await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            let functions = "drop function if exists write_audit_log_entry();\n\
                             drop function if exists reject_change()";
            execute(manager, functions).await?;
        }
        AUDIT_ACTOR.drop(manager).await?;
        AUDIT_ACTION.drop(manager).await
    }
}

/// `write_audit_log_entry()` runs as its owner, because customers must not write entries. Inside it `current_user` is the
/// owner, so the acting role is the one of `set role`, or else the login. Row Level Security applies to that role unless it
/// is the owner, a superuser or one with BYPASSRLS; where it applies, a policy has verified the bound actor already.
/// `pg_temp` comes last in the search path: otherwise a temporary table could take the place of `audit_log_entries`.
const FUNCTIONS_UP: &str = r"
do $do$
begin
    execute format($create$
        create or replace function write_audit_log_entry() returns trigger
            language plpgsql security definer
            set search_path = %I, pg_temp
            as $$
            declare
                old_row jsonb := to_jsonb(old);
                new_row jsonb := to_jsonb(new);
                found_row_id uuid := coalesce(new_row ->> 'id', old_row ->> 'id');
                found_organization uuid := coalesce(new_row ->> 'organization_id', old_row ->> 'organization_id');
                found_changes jsonb := '{}';
                acting_role name := coalesce(nullif(current_setting('role'), 'none'), session_user);
                found_actor audit_actor := 'admin';
                found_user uuid;
                personal text;
                salt text;
                changed_at timestamptz := clock_timestamp();
            begin
                if tg_op = 'UPDATE' then
                    select jsonb_object_agg(key, jsonb_build_object('old', old_row -> key, 'new', value))
                    into found_changes
                    from jsonb_each(new_row)
                    where value <> old_row -> key and key <> 'updated_at';
                    if found_changes is null then
                        return null;
                    end if;
                elsif tg_level = 'ROW' then
                    select jsonb_object_agg(key, case tg_op
                        when 'INSERT' then jsonb_build_object('old', null, 'new', value)
                        else jsonb_build_object('old', value, 'new', null)
                    end)
                    into found_changes
                    from jsonb_each(coalesce(new_row, old_row))
                    where value <> 'null' and key not in ('id', 'created_at', 'updated_at');
                end if;
                -- The id is a salt: equal values of two rows have different digests.
                foreach personal in array coalesce(tg_argv, '{}') loop
                    if found_changes ? personal then
                        salt := found_row_id || ':' || personal || ':';
                        found_changes := found_changes || jsonb_build_object(personal, jsonb_build_object(
                            'old', 'sha256:' || encode(sha256(convert_to(salt || (old_row ->> personal), 'UTF8')), 'hex'),
                            'new', 'sha256:' || encode(sha256(convert_to(salt || (new_row ->> personal), 'UTF8')), 'hex')));
                    end if;
                end loop;
                if acting_role = 'customer' or not (
                    pg_has_role(acting_role, current_user, 'usage')
                    or (select rolbypassrls from pg_roles where rolname = acting_role)
                ) then
                    found_user := bound_user_id();
                    found_actor := case when found_user is null then 'system' else 'user' end;
                    -- A user belongs to no single organization.
                    if tg_table_name = 'users' then
                        found_organization := bound_organization_id();
                    end if;
                end if;
                if tg_table_name = 'organizations' then
                    found_organization := found_row_id;
                end if;
                insert into audit_log_entries (
                    organization_id, actor, user_id, login, transaction_id, action, table_name, row_id, changes,
                    created_at, updated_at
                )
                values (
                    found_organization, found_actor, found_user, session_user, pg_current_xact_id()::text::bigint,
                    lower(tg_op)::audit_action, tg_table_name, found_row_id, found_changes, changed_at, changed_at
                );
                return null;
            end $$
    $create$, current_schema());
end $do$;
comment on function write_audit_log_entry() is
    'Trigger function: writes an entry for each changed row; its arguments are the columns whose values are replaced by digests. It is security definer because customers must not write entries.';
revoke execute on function write_audit_log_entry() from public;
create or replace function reject_change() returns trigger
    language plpgsql
    as $$
    begin
        raise exception using
            errcode = 'insufficient_privilege',
            message = format('%s is append-only: %s is rejected', tg_table_name, lower(tg_op));
    end $$;
comment on function reject_change() is 'Trigger function: rows are added and never changed or removed.';
create or replace trigger append_only before update or delete or truncate on audit_log_entries
    for each statement execute function reject_change()";
