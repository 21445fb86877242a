-- What one node has, as rows of an object, the number of its shard, a part and the part's value: the distributed
-- tables, the shards of this node, the functions that Citus keeps on each node, and the role of the customer. A shard
-- is printed without its number, and so as its table on the coordinator.
with relation as (
    select 'table ' || d.logicalrelid as object, 0 as shard, d.logicalrelid::oid as oid
    from pg_dist_partition as d
    union all
    select 'table ' || s.logicalrelid, s.shardid, to_regclass(shard_name(s.logicalrelid, s.shardid))::oid
    from pg_dist_shard as s
    join pg_dist_placement as p on p.shardid = s.shardid
    join pg_dist_local_group as g on g.groupid = p.groupid
),

routine as (
    select p.*
    from pg_proc as p
    join pg_dist_object as o on o.classid = 'pg_proc'::regclass and o.objid = p.oid
    where p.pronamespace = 'public'::regnamespace
        and not exists (select from pg_depend as d where d.objid = p.oid and d.deptype = 'e')
),

parts as (
    select r.object, r.shard, 'row level security' as part, c.relrowsecurity::text as value
    from relation as r
    join pg_class as c on c.oid = r.oid
    union all
    select r.object, r.shard, 'grants', c.relacl::text
    from relation as r
    join pg_class as c on c.oid = r.oid
    union all
    select
        r.object, r.shard, 'column ' || quote_ident(a.attname),
        concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attacl, pg_get_expr(d.adbin, d.adrelid))
    from relation as r
    join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
    union all
    select
        r.object, r.shard, 'policy ' || quote_ident(p.polname),
        concat_ws(
            ' ', p.polcmd, p.polpermissive,
            (select array_agg(o::regrole::text order by o::regrole::text) from unnest(p.polroles) as o),
            pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid)
        )
    from relation as r
    join pg_policy as p on p.polrelid = r.oid
    union all
    -- Citus shortens the names of indexes and constraints on shards.
    select
        r.object, r.shard, regexp_replace(pg_get_constraintdef(k.oid), '_\d{6,}\M', '', 'g'), k.convalidated::text
    from relation as r
    join pg_constraint as k on k.conrelid = r.oid
    union all
    select
        r.object, r.shard, 'index' || substring(pg_get_indexdef(i.indexrelid) from ' USING .*'),
        concat_ws(' ', i.indisunique, i.indisvalid)
    from relation as r
    join pg_index as i on i.indrelid = r.oid
    union all
    select
        r.object, r.shard, 'trigger ' || regexp_replace(t.tgname, '_\d{6,}$', ''),
        concat_ws(' ', t.tgtype, t.tgenabled, t.tgfoid::regproc)
    from relation as r
    join pg_trigger as t on t.tgrelid = r.oid
    where not t.tgisinternal
    union all
    select
        'function ' || f.oid::regprocedure, 0, 'definition',
        md5(concat_ws(' ', f.prosrc, pg_get_function_sqlbody(f.oid), f.prosecdef, f.proconfig))
    from routine as f
    union all
    -- `ops distribute` makes the tenant stable on the workers, and immutable on the coordinator.
    select
        'function ' || f.oid::regprocedure, 0, 'volatility',
        case f.proname
            when 'routed_organization_id' then (g.groupid = 0 or f.provolatile = 's')::text
            else f.provolatile::text
        end
    from routine as f
    cross join pg_dist_local_group as g
    union all
    select
        'function ' || f.oid::regprocedure, 0, 'privilege of customer',
        has_function_privilege('customer', f.oid, 'execute')::text
    from routine as f
    union all
    select 'role customer', 0, 'attributes', concat_ws(' ', r.rolsuper, r.rolbypassrls, r.rolcanlogin)
    from pg_roles as r
    where r.rolname = 'customer'
)

select json_agg(parts) from parts
