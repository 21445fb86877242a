-- The functions that differ on Citus, or exist on Citus alone. Replaced, so that it can run again.
do $do$
declare
    source text;
    changed text;
    enum_type regtype;
    closed regprocedure;
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
    -- Runs a statement of `database` on the node of an organization, where its tables are those of one shard: Citus sends a
    -- statement that inserts in a `with` query to no shard. A parameter is text, in the place of a `$1` of the statement. A
    -- name in single quotes is a value.
    execute format($create$
        create or replace function statement_on_shard(statement text, organization uuid) returns text
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
                        get_shard_id_for_distribution_column(logicalrelid, organization) as id
                    from pg_dist_partition
                    where strpos(statement, logicalrelid::text) > 0
                loop
                    changed := regexp_replace(
                        changed, '(?<!'')\m' || shard.name || '\M(?!'')', shard.name || '_' || shard.id, 'g');
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
    comment on function statement_on_shard(text, uuid) is
        'A format of the statement with the tables of the organization''s shard, which is locked against a move. It is security definer because only a superuser locks a shard; it reads no rows of a table.';
    execute format($create$
        create or replace function statement_on_shard(statement text) returns text
            language plpgsql volatile parallel unsafe security definer
            set search_path = %I, pg_temp
            as $$ begin return statement_on_shard(statement, bound_organization_id()); end $$
    $create$, current_schema());
    comment on function statement_on_shard(text) is
        'The same for the bound organization. It is security definer because a customer has no other shard.';
    create or replace function run_on_shard(statement text, parameters text[], organization uuid) returns setof record
        language plpgsql volatile parallel unsafe
        as $$ begin
            return query execute format(statement_on_shard(statement, organization), variadic parameters);
        end $$;
    create or replace function run_on_shard(statement text, parameters text[]) returns setof record
        language plpgsql volatile parallel unsafe
        as $$ begin
            return query execute format(statement_on_shard(statement), variadic parameters);
        end $$;
    -- One organization of each shard that has any, in random order, so that a limit leaves out another shard each time. Each
    -- row of a distributed table refers to an organization. Without organizations, nil, for the rows of reference tables.
    create or replace function organization_of_each_shard() returns setof uuid
        language plpgsql volatile parallel unsafe
        as $$
        declare
            found_organizations uuid[] := array(
                select distinct on (get_shard_id_for_distribution_column('campaigns', id)) id from organizations);
        begin
            if found_organizations = '{}' then
                return next '00000000-0000-0000-0000-000000000000';
            end if;
            return query select organization from unnest(found_organizations) as organization order by random();
        end $$;
    -- The same for an admin transaction: runs a statement on the shard of the organization, or on each shard if it is null, and
    -- returns the rows, whose columns are `columns`. `batch` is the number of the parameter with the maximum number of rows,
    -- of which the next shard gets what is left; 0: at most one row; null: all. The write that changes nothing makes Citus
    -- commit on all nodes or on none.
    create or replace function run_on_shards(
        statement text, parameters text[], columns text, batch integer, organization uuid
    ) returns setof record
        language plpgsql volatile parallel unsafe
        as $$
        declare
            organizations_of_shards uuid[] := array[organization];
            next_organization uuid;
            most bigint := case when batch > 0 then parameters[batch]::bigint when batch = 0 then 1 end;
            returned bigint;
        begin
            if organization is null then
                organizations_of_shards := array(select organization_of_each_shard());
            end if;
            foreach next_organization in array organizations_of_shards loop
                delete from campaigns
                where organization_id = next_organization and id = '00000000-0000-0000-0000-000000000000';
                return query execute format(
                    'select * from run_on_shard($1, $2, $3) as result (%s) '
                    'where not exists (select from campaigns where organization_id = $3 limit 0)', columns
                ) using statement, parameters, next_organization;
                get diagnostics returned = row_count;
                most := most - returned;
                exit when most <= 0;
                if batch > 0 then
                    parameters[batch] := most;
                end if;
            end loop;
        end $$;
    for closed in
        select oid from pg_proc
        where pronamespace = current_schema()::regnamespace and proname in (
            'organization_of_each_shard', 'run_on_shard', 'run_on_shards', 'statement_on_shard'
        )
    loop
        execute format('revoke execute on function %s from public', closed);
        execute format('grant execute on function %s to %s', closed, (
            select relowner::regrole from pg_class where oid = 'campaigns'::regclass
        ));
    end loop;
    grant execute on function statement_on_shard(text), run_on_shard(text, text[]) to customer;
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
