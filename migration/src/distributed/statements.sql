-- Ends tables.sql: the statements that give each table its shape, in their order, and what each changes for the application.
, todo as (
    select * from citus_tables where not is_done and shape <> 'local'
), keys as (
    select k.*, pg_get_constraintdef(k.oid) as definition, k.conrelid::regclass as place
    from pg_constraint k
    where k.contype = 'f' and (k.conrelid in (select oid from todo) or k.confrelid in (select oid from todo))
), uniques as (
    select
        k.oid, k.contype, k.conname, k.conrelid, k.conrelid::regclass as place, todo.shard_column,
        array(
            select a.attname
            from unnest(k.conkey) with ordinality as key (attnum, place)
            join pg_attribute a on a.attrelid = k.conrelid and a.attnum = key.attnum
            order by key.place
        )::text[] as columns
    from pg_constraint k
    join todo on todo.oid = k.conrelid and todo.shape = 'distributed'
    where k.contype in ('p', 'u')
), policies as (
    select
        p.polname, p.polrelid::regclass as place, p.polpermissive,
        (select string_agg(role::regrole::text, ', ') from unnest(p.polroles) as role) as roles,
        regexp_replace(pg_get_expr(p.polqual, p.polrelid), pattern, replacement, 'g') as using_text,
        regexp_replace(pg_get_expr(p.polwithcheck, p.polrelid), pattern, replacement, 'g') as check_text
    from pg_policy p
    join todo on todo.oid = p.polrelid
    cross join lateral (
        select
            case todo.shape when 'distributed' then '\( SELECT bound_organization_id\(\) AS \w+\)'
                else '\( SELECT (bound_\w+\(\)) AS \w+\)' end as pattern,
            case todo.shape when 'distributed' then 'routed_organization_id()' else '\1' end as replacement
    ) as form
), replaced_policies as (
    select
        polname, place, polpermissive, roles,
        using_text ~ 'user_organizations' as is_visible_user, check_text ~ 'FROM users' as is_author,
        case
            when using_text ~ 'user_organizations' then 'bound_organization_id() is not null and user_is_visible(id)'
            else using_text
        end as using_text,
        case
            when check_text ~ 'FROM users' then 'created_by_user_id is null or user_exists(created_by_user_id)'
            else check_text
        end as check_text
    from policies
), restricted as (
    -- A shard has no restrictive policy: Citus makes it permissive there. So its condition becomes one of each policy for inserts.
    select place, string_agg('(' || check_text || ')', ' and ' order by polname) as condition
    from replaced_policies
    where not polpermissive
    group by place
), statements as (
    select
        1 as step, conname::text as name, format('alter table %s drop constraint %I', place, conname) as statement,
        null as change
    from keys
    union all
    select
        2, name,
        format(
            'alter table %1$s add column if not exists shard_key uuid not null default %2$L; '
            -- No update: rows of the audit trail refuse it.
            'alter table %1$s alter column shard_key type uuid using coalesce(organization_id, shard_key); '
            'comment on column %1$s.shard_key is %3$L',
            oid::regclass, '00000000-0000-0000-0000-000000000000',
            'The organization, or nil for none: a null distributes no row. It exists on Citus alone.'
        ),
        format('%s gets the column shard_key', name)
    from todo
    where shard_column = 'shard_key'
    union all
    -- With them the unique constraint that becomes the primary key.
    select 3, conname, format('alter table %s drop constraint %I', place, conname), null
    from uniques
    where not shard_column = any(columns) or contype = 'u' and columns = array[shard_column, 'id']
    union all
    select
        4, conname,
        format(
            'alter table %s add constraint %I %s (%s)', place, conname,
            case contype when 'p' then 'primary key' else 'unique' end, widened
        ),
        format('%s is unique within an organization only: (%s)', conname, widened)
    from uniques
    cross join lateral (
        select string_agg(quote_ident(name), ', ' order by at) as widened
        from unnest(array[shard_column] || columns) with ordinality as key (name, at)
    ) as key
    where not shard_column = any(columns)
    union all
    select
        5, place || '.' || polname,
        format(
            'alter policy %I on %s%s%s', polname, place, ' using (' || using_text || ')',
            ' with check (' || check_text || ')'
        ),
        case when is_visible_user or is_author then format('%s of %s calls a function', polname, place) end
    from replaced_policies
    where not exists (select from restricted where restricted.place = replaced_policies.place)
    union all
    select
        5, place || '.' || polname,
        format('drop policy %I on %s', polname, place)
        || case when polpermissive then
            format(
                '; create policy %1$I on %2$s for select to %3$s using (%4$s)'
                '; create policy %6$I on %2$s for insert to %3$s with check ((%5$s) and %7$s)'
                '; create policy %8$I on %2$s for update to %3$s using (%4$s) with check (%5$s)'
                '; create policy %9$I on %2$s for delete to %3$s using (%4$s)',
                polname, place, roles, using_text, coalesce(check_text, using_text),
                polname || '_insert', condition, polname || '_update', polname || '_delete'
            )
            else ''
        end,
        case when polpermissive
            then format('%s of %s is a policy for each command', polname, place)
            else format('%s of %s is a part of the policy for inserts', polname, place)
        end
    from replaced_policies
    join restricted using (place)
    union all
    select
        6,
        -- After the tables that it refers to.
        (select count(*) from keys where keys.conrelid = todo.oid) || name,
        format('select create_reference_table(%L)', oid::regclass), null
    from todo
    where shape = 'reference'
    union all
    select
        7, name,
        format(
            'select create_distributed_table(%L, %L, colocate_with => %L)', oid::regclass, shard_column,
            coalesce(
                (select min(other.name) from citus_tables as other where other.is_done and other.shape = 'distributed'),
                nullif((select min(other.name) from todo as other where other.shape = 'distributed'), name),
                'none'
            )
        ),
        null
    from todo
    where shape = 'distributed'
    union all
    select
        8, conname,
        format('alter table %s add constraint %I %s', place, conname, regexp_replace(definition, lost, '')),
        case when definition ~ lost then format('%s has no action instead of set null', conname) end
    from keys
    join citus_tables on citus_tables.oid = keys.conrelid
    cross join lateral (
        select case
            when shape = 'distributed' and cardinality(conkey) > 1 then ' ON DELETE SET NULL( \([^)]*\))?'
            else '^$'
        end as lost
    ) as action
)
select step, statement, change from statements order by step, name;
