-- The tables of the schema, each with its shape on Citus, the column that distributes it, and the reason: the beginning of a
-- statement, which another file ends.
with tables as (
    select
        c.oid,
        c.relname,
        organization.attnum is not null as has_organization,
        coalesce(organization.attnotnull, false) as has_tenant,
        exists (
            select from pg_constraint k
            where k.contype = 'f' and k.confrelid = c.oid and k.conrelid <> c.oid
        ) as is_referenced
    from pg_class c
    left join pg_attribute organization
        on organization.attrelid = c.oid and organization.attname = 'organization_id' and not organization.attisdropped
    where c.relnamespace = current_schema()::regnamespace
        and c.relkind = 'r'
        and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
), read_by_policies as (
    -- The tables that a policy of a table without a tenant reads: a policy is evaluated on each node.
    select d.refobjid as oid
    from pg_policy p
    join tables on tables.oid = p.polrelid and not tables.has_organization and tables.is_referenced
    join pg_depend d on d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refclassid = 'pg_class'::regclass
    where d.refobjid <> p.polrelid
    union
    -- The function that replaces such a policy, of a database that was restored.
    select tables.oid
    from tables
    where tables.relname = 'user_organizations' and to_regprocedure('user_is_visible(uuid)') is not null
), shapes as (
    select
        tables.*,
        case
            when not has_organization and is_referenced then 'reference'
            when oid in (select read_by_policies.oid from read_by_policies)
                or exists (
                    select from pg_dist_partition d where d.logicalrelid = tables.oid and d.partmethod = 'n'
                ) then 'reference'
            when has_organization then 'distributed'
            else 'local'
        end as shape
    from tables
), citus_tables as (
    select
        oid,
        relname::text as name,
        shape,
        case when shape = 'distributed' then case when has_tenant then 'organization_id' else 'shard_key' end end as shard_column,
        case
            when shape = 'reference' and has_organization then 'a policy of a reference table reads it'
            when shape = 'reference' then 'distributed tables refer to it'
            when shape = 'local' then 'it belongs to no organization, and no distributed table refers to it'
            when has_tenant then 'its rows belong to one organization'
            else 'its rows belong to one organization or to none, so that shard_key replaces a null organization_id'
        end as reason,
        exists (select from pg_dist_partition d where d.logicalrelid = shapes.oid) as is_done
    from shapes
)
