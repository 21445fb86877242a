//! Creates `bind_actor()`: the only way to bind the actor of a customer transaction that is verified.
//!
//! Intent: one call verifies that the organization, the user and the membership exist and are not deleted, verifies the
//! signature if the database has a signing key, sets `app.organization_id` and `app.user_id` for the transaction, makes
//! the transaction of a viewer read-only, and returns the role of the user. It runs as its owner, because a customer
//! without a bound organization sees no rows. A refusal is an error of the class VA, so nothing is bound. On SQLite the
//! migration does nothing.
//! Risk: none. The function is new.
//! Down: drops the function; customer transactions of this build fail from then on.

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
        execute(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        execute(manager, "drop function if exists bind_actor(uuid, uuid, text)").await
    }
}

/// A null `acting_user` is a program. `pg_temp` comes last in the search path: otherwise a temporary table could take the
/// place of one of ours.
const UP: &str = r"
do $do$
begin
    execute format($create$
        create or replace function bind_actor(acting_organization uuid, acting_user uuid, context text) returns user_role
            language plpgsql volatile parallel unsafe security definer
            set search_path = %I, pg_temp
            as $$
            declare
                found record;
                found_role user_role;
                bound_settings text;
            begin
                if not has_function_privilege('customer', 'accepts_unsigned_actors()'::regprocedure, 'execute') then
                    perform set_config('app.context', context, true);
                    if substr(bound_context(), 37, 73) <> concat(
                            case when acting_user is null then 's' else 'u' end, acting_organization,
                            coalesce(acting_user, '00000000-0000-0000-0000-000000000000'))
                        or substr(context, 110, 10)::bigint < date_part('epoch', clock_timestamp())
                    then
                        raise exception using
                            errcode = 'VA006',
                            message = 'the signature of the actor has expired, or is that of another actor';
                    end if;
                end if;
                if acting_user is null then
                    select concat(set_config('app.organization_id', id::text, true), set_config('app.user_id', '', true))
                    into bound_settings
                    from organizations
                    where id = acting_organization and deleted_at is null;
                else
                    select u.role, concat(
                        set_config('app.organization_id', o.id::text, true), set_config('app.user_id', u.id::text, true))
                    into found_role, bound_settings
                    from user_organizations m
                    join organizations o on o.id = m.organization_id and o.deleted_at is null
                    join users u on u.id = m.user_id and u.deleted_at is null
                    where m.user_id = acting_user and m.organization_id = acting_organization;
                end if;
                if bound_settings is null then
                    select o.id is null as no_organization, o.deleted_at is not null as organization_deleted,
                           u.id is null as no_user, u.deleted_at is not null as user_deleted,
                           m.id is null as no_member, u.role
                    into found
                    from (select) as one
                    left join organizations o on o.id = acting_organization
                    left join users u on u.id = acting_user
                    left join user_organizations m on m.user_id = u.id and m.organization_id = o.id;
                    if found.no_organization then
                        raise exception using errcode = 'VA001', message = 'the organization does not exist';
                    elsif found.organization_deleted then
                        raise exception using errcode = 'VA002', message = 'the organization is deleted';
                    elsif acting_user is not null and found.no_user then
                        raise exception using errcode = 'VA003', message = 'the user does not exist';
                    elsif found.user_deleted then
                        raise exception using errcode = 'VA004', message = 'the user is deleted';
                    elsif acting_user is not null and found.no_member then
                        raise exception using
                            errcode = 'VA005', message = 'the user is not a member of the organization';
                    end if;
                    raise exception using
                        errcode = 'serialization_failure', message = 'the actor was changed in this moment';
                end if;
                if found_role = 'viewer' then
                    perform set_config('transaction_read_only', 'on', true);
                end if;
                return found_role;
            end $$
    $create$, current_schema());
end $do$;
comment on function bind_actor(uuid, uuid, text) is
    'Verifies the actor of a customer transaction, binds it for the transaction, and returns the role of the user; null when a program acts. It is security definer because no rows are visible before an organization is bound.';
revoke execute on function bind_actor(uuid, uuid, text) from public;
grant execute on function bind_actor(uuid, uuid, text) to customer";
