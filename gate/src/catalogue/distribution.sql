-- How Citus distributes each table, and the casts by which it accepts an enum in `returning`, in the form of
-- catalogue.sql. A table on the coordinator that Citus only knows is not distributed: (`n`, `s`, 0).
select
    'distribution of table ' || quote_ident(c.relname) as identity,
    array['table ' || quote_ident(c.relname)]::text[] as whole,
    '{}'::text[] as needs,
    jsonb_strip_nulls(jsonb_build_object(
        'shape', case
            when d.partmethod <> 'n' then 'distributed' when d.repmodel = 't' then 'reference' else 'one shard'
        end,
        'column', column_to_column_name(d.logicalrelid, d.partkey),
        -- Citus numbers the groups: compared is whether a table is in the group of most tables.
        'with the other tables', case when d.partmethod <> 'n' then d.colocationid = (
            select mode() within group (order by o.colocationid) from pg_dist_partition as o where o.partmethod <> 'n'
        ) end
    ))::text as facets,
    0 as position
from pg_dist_partition as d
join pg_class as c on c.oid = d.logicalrelid
where d.partmethod <> 'n' or d.repmodel = 't' or d.colocationid <> 0
union all
select
    format('cast of enum %I to %s', t.typname, format_type(k.casttarget, null)),
    array[format('enum %I', t.typname)],
    '{}',
    jsonb_build_object(
        'function', (select p.proname from pg_proc as p where p.oid = k.castfunc), 'context', k.castcontext
    )::text,
    0
from pg_cast as k
join pg_type as t on t.oid = k.castsource and t.typtype = 'e'
where t.typnamespace = 'public'::regnamespace
