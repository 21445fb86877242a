-- The functions that differ on Citus, or exist on Citus alone. Replaced, so that it can run again.
do $do$
declare
    source text;
    changed text;
    enum_type regtype;
begin
    -- SeaORM returns an enum as text. The cast of PostgreSQL is stable, which Citus does not accept in `returning`.
    for enum_type in
        select oid::regtype from pg_type
        where typtype = 'e' and typnamespace = current_schema()::regnamespace
            and not exists (select from pg_cast where castsource = pg_type.oid and casttarget = 'text'::regtype)
    loop
        execute format(
            'create or replace function enum_to_text(value %s) returns text language sql immutable strict parallel safe '
            'as $$ select textin(enum_out(value)) $$', enum_type
        );
        execute format('create cast (%1$s as text) with function enum_to_text(%1$s)', enum_type);
    end loop;
    -- Not in the language SQL: Citus evaluates an inlined function in parts, and so both branches of a `case`. A signature names
    -- the connection to the coordinator, so that no other node can verify it: an unsigned actor is refused as before.
    execute format($create$
        create or replace function bound_organization_id() returns uuid
            language plpgsql stable parallel restricted
            set search_path = %I, pg_temp
            as $$ begin
                if has_function_privilege('customer', 'accepts_unsigned_actors()'::regprocedure, 'execute') then
                    return current_setting('app.organization_id')::uuid;
                end if;
                raise exception using errcode = 'VA006', message = 'signed actors cannot be verified on Citus',
                    hint = 'remove the signing keys: cargo run -p migration -- keys disable';
            end $$
    $create$, current_schema());
    execute format($create$
        create or replace function bound_user_id() returns uuid
            language plpgsql stable parallel restricted
            set search_path = %I, pg_temp
            as $$ begin
                if bound_organization_id() is not null then
                    return nullif(current_setting('app.user_id', true), '')::uuid;
                end if;
                return null;
            end $$
    $create$, current_schema());
    -- The tenant, by which the coordinator chooses the shard. It is immutable, so that the planner of the coordinator knows
    -- its value; `alter function … stable` on the workers makes their policies read it for each statement.
    execute format($create$
        create or replace function routed_organization_id() returns uuid
            language plpgsql immutable parallel restricted
            set search_path = %I, pg_temp
            as $$ begin return bound_organization_id(); end $$
    $create$, current_schema());
    -- Citus sends `set local` to the workers, and not set_config().
    if not exists (
        select from pg_proc where oid = to_regprocedure('bind_actor(uuid, uuid, text)') and prosrc ~ 'verify_actor'
    ) then
        -- As a migration created it.
        drop function if exists verify_actor(uuid, uuid, text);
        alter function bind_actor(uuid, uuid, text) rename to verify_actor;
        revoke execute on function verify_actor(uuid, uuid, text) from customer;
    end if;
    execute format($create$
        create or replace function bind_actor(acting_organization uuid, acting_user uuid, context text) returns user_role
            language plpgsql volatile parallel unsafe security definer
            set search_path = %I, pg_temp
            as $$
            declare
                found_role user_role := verify_actor(acting_organization, acting_user, context);
            begin
                execute format('set local app.organization_id = %%L', acting_organization);
                execute format('set local app.user_id = %%L', coalesce(acting_user::text, ''));
                return found_role;
            end $$
    $create$, current_schema());
    comment on function bind_actor(uuid, uuid, text) is
        'Verifies the actor by verify_actor(), and binds it on every node. It is security definer because no rows are visible before an organization is bound.';
    revoke execute on function bind_actor(uuid, uuid, text) from public;
    grant execute on function bind_actor(uuid, uuid, text) to customer;
    -- Runs a statement of `database` on the node of the organization, where its tables are those of one shard: Citus sends a
    -- statement that inserts in a `with` query to no shard. A parameter is text, in the place of a `$1` of the statement.
    execute format($create$
        create or replace function statement_on_shard(statement text) returns text
            language plpgsql volatile parallel unsafe security definer
            set search_path = %I, pg_temp
            as $$
            declare
                shard record;
                shards bigint[];
                changed text := replace(statement, '%%', '%%%%');
            begin
                for shard in
                    select
                        logicalrelid::text as name,
                        get_shard_id_for_distribution_column(logicalrelid, bound_organization_id()) as id
                    from pg_dist_partition
                    where strpos(statement, logicalrelid::text) > 0
                loop
                    changed := regexp_replace(
                        changed, '\m' || shard.name || '\M', shard.name || '_' || shard.id, 'g');
                    shards := shards || shard.id;
                end loop;
                -- As each write that Citus plans (5 is SHARE): a shard is moved once its writers have ended.
                perform lock_shard_metadata(5, shards);
                if exists (
                    select from unnest(shards) as id
                    where not exists (
                        select from pg_dist_placement join pg_dist_local_group using (groupid) where shardid = id)
                ) then
                    raise exception using
                        errcode = 'serialization_failure', message = 'the shard of the organization was moved';
                end if;
                return regexp_replace(changed, '\$([0-9]+)', '%%\1$L', 'g');
            end $$
    $create$, current_schema());
    comment on function statement_on_shard(text) is
        'A format of the statement with the tables of the bound organization''s shard, which is locked against a move. It is security definer because only an owner locks a shard; it reads no rows of a table.';
    create or replace function run_on_shard(statement text, parameters text[]) returns setof record
        language plpgsql volatile parallel unsafe
        as $$ begin
            return query execute format(statement_on_shard(statement), variadic parameters);
        end $$;
    revoke execute on function statement_on_shard(text) from public;
    grant execute on function statement_on_shard(text) to customer;
    -- The clock of the distributed transaction, so that the copies of a reference table are equal.
    create or replace function set_updated_at() returns trigger
        language plpgsql
        as $$ begin
            new.updated_at := now();
            if exists (select from pg_dist_partition where partmethod = 'n' and logicalrelid =
                       to_regclass(tg_table_schema || '.' || regexp_replace(tg_table_name, '_[0-9]+$', ''))) then
                new.updated_at := greatest(
                    (select transaction_stamp from get_current_transaction_id()), new.created_at);
            end if;
            return new;
        end $$;
    -- A trigger runs on a shard, whose name has a number, and on each copy of a reference table.
    source := pg_get_functiondef('write_audit_log_entry()'::regprocedure);
    if source !~ 'shard_key' then
        changed := replace(source, 'tg_table_name', $$regexp_replace(tg_table_name, '_[0-9]+$', '')$$);
        changed := regexp_replace(changed, '\n\s*begin\n', $$\&
                if tg_level = 'STATEMENT' and tg_table_name ~ '_[0-9]+$'
                    or (select groupid from pg_dist_local_group) <> 0 and exists (
                        select from pg_dist_partition where partmethod = 'n' and logicalrelid =
                            to_regclass(tg_table_schema || '.' || regexp_replace(tg_table_name, '_[0-9]+$', '')))
                then
                    return null;
                end if;
$$);
        changed := regexp_replace(changed, 'insert into audit_log_entries \(', '\& shard_key, ');
        changed := regexp_replace(changed, 'values \(\s*found_organization', $$values (
                    coalesce(found_organization, '00000000-0000-0000-0000-000000000000'), found_organization$$);
        if length(changed) - length(source) < 400 or changed !~ 'coalesce\(found_organization' then
            raise exception 'write_audit_log_entry() has an unknown form';
        end if;
        execute changed;
    end if;
end $do$;
