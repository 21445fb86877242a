//! Creates what every table leans on: `uuid_generate_v4()`, the trigger function, the functions that tell the
//! bound user and organization, and the role `customer`.
//!
//! Intent: server-made ids, `updated_at` that no client has to think of, `organization_id` filled from the
//! connection, and a role for Row Level Security to name. Nothing of it exists on SQLite.
//! Risk: the role belongs to the whole server. One that exists is used as it is, unless it is above Row Level
//! Security; without the right to create roles an administrator has to create it first.
//! Down: drops the functions. The extension and the role go only where `up` made them (their comments say so)
//! and nothing else uses them: no other database, no other object of this one, no other member.

use crate::ddl::execute;
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        execute(manager, &[UUID_UP, FUNCTIONS_UP, ROLE_UP].join(";\n")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        execute(manager, &[FUNCTIONS_DOWN, ROLE_DOWN, UUID_DOWN].join(";\n")).await
    }
}

/// The extension where it can be had, else a function of the same name and result.
const UUID_UP: &str = r#"
do $$
begin
    if to_regprocedure('uuid_generate_v4()') is not null then
        return;
    end if;
    if not exists (select from pg_extension where extname = 'uuid-ossp') then
        begin
            create extension "uuid-ossp";
            comment on extension "uuid-ossp" is 'UUID generators; installed by the migration create_functions';
        exception when others then
            raise warning 'the extension uuid-ossp cannot be installed (%); '
                'uuid_generate_v4() is provided by gen_random_uuid() instead', sqlerrm;
        end;
    end if;
    -- An extension in a schema that is not searched does not help either.
    if to_regprocedure('uuid_generate_v4()') is null then
        create function uuid_generate_v4() returns uuid
            language sql volatile parallel safe
            return gen_random_uuid();
        comment on function uuid_generate_v4() is 'A random id (version 4), in place of the extension uuid-ossp.';
    end if;
end $$"#;

const UUID_DOWN: &str = r#"
do $$
declare
    maker regprocedure := to_regprocedure('uuid_generate_v4()');
begin
    if obj_description(maker, 'pg_proc') = 'A random id (version 4), in place of the extension uuid-ossp.' then
        drop function uuid_generate_v4();
    end if;
    if exists (
        select from pg_extension e
        where e.extname = 'uuid-ossp'
          and obj_description(e.oid, 'pg_extension') = 'UUID generators; installed by the migration create_functions'
    ) then
        begin
            drop extension "uuid-ossp";
        exception when dependent_objects_still_exist then
            -- Somebody else uses it by now, so it is no longer ours to drop.
            comment on extension "uuid-ossp" is 'generate universally unique identifiers (UUIDs)';
        end;
    end if;
end $$"#;

const FUNCTIONS_UP: &str = r"
create or replace function set_updated_at() returns trigger
    language plpgsql
    as $$ begin new.updated_at := now(); return new; end $$;
comment on function set_updated_at() is 'Trigger function: a changed row carries the time of its transaction.';
create or replace function current_user_id() returns uuid
    language sql stable parallel safe
    return nullif(current_setting('app.user_id', true), '')::uuid;
comment on function current_user_id() is 'The user bound to the transaction; null when none is.';
create or replace function current_organization_id() returns uuid
    language sql stable parallel safe
    return nullif(current_setting('app.organization_id', true), '')::uuid;
comment on function current_organization_id() is
    'The organization bound to the transaction, database or role; null when none is.'";

const FUNCTIONS_DOWN: &str = r"
drop function if exists current_organization_id();
drop function if exists current_user_id();
drop function if exists set_updated_at()";

/// Grants follow the role at once: they keep another database's `down` from dropping it meanwhile.
const ROLE_UP: &str = r"
do $$
begin
    if not exists (select from pg_roles where rolname = 'customer') then
        begin
            create role customer nologin;
            comment on role customer is 'Sees the rows of one organization; created by the migration create_functions';
            if not (select rolsuper from pg_roles where rolname = current_user) then
                -- The owner can take the role in development; from PostgreSQL 16 on it need not inherit it.
                execute 'grant customer to current_user'
                    || case when current_setting('server_version_num')::int >= 160000
                            then ' with inherit false, set true' else '' end;
            end if;
        exception
            when duplicate_object or unique_violation then
                null; -- Another database of this server made it just now.
            when insufficient_privilege then
                raise exception using
                    errcode = 'insufficient_privilege',
                    message = 'the role customer does not exist and this login may not create it',
                    hint = 'let an administrator run: create role customer nologin';
        end;
    end if;
    if exists (select from pg_roles where rolname = 'customer' and (rolsuper or rolbypassrls)) then
        raise exception using
            errcode = 'invalid_role_specification',
            message = 'the role customer is a superuser or bypasses row level security',
            hint = 'let an administrator run: alter role customer nosuperuser nobypassrls';
    end if;
    begin
        if not has_schema_privilege('customer', current_schema(), 'usage') then
            execute format('grant usage on schema %I to customer', current_schema());
        end if;
        grant execute on function set_updated_at(), current_user_id(), current_organization_id() to customer;
    exception when undefined_object then
        -- The code of a lost race: the migration is tried again, and makes the role itself.
        raise exception using
            errcode = 'serialization_failure',
            message = 'another database of this server dropped the role customer in this moment';
    end;
end $$";

const ROLE_DOWN: &str = r"
do $$
declare
    role oid := to_regrole('customer');
begin
    if role is null then
        return;
    end if;
    if exists (
        select from pg_namespace n, aclexplode(n.nspacl) a
        where n.nspname = current_schema() and a.grantee = role
    ) then
        execute format('revoke usage on schema %I from customer', current_schema());
    end if;
    if shobj_description(role, 'pg_authid')
            is distinct from 'Sees the rows of one organization; created by the migration create_functions'
        or exists (select from pg_shdepend where refclassid = 'pg_authid'::regclass and refobjid = role)
        or exists (
            select from pg_auth_members
            where roleid = role and member <> (select oid from pg_roles where rolname = current_user)
        )
    then
        return;
    end if;
    drop role customer;
exception when dependent_objects_still_exist or insufficient_privilege or undefined_object then
    null; -- In use again, or another's to drop.
end $$";
