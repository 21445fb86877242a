-- The first columns of an index are compared as a set: their order does not matter to an equality search. An
-- index counts only if it is valid and covers all rows. INCLUDE columns cannot be searched.
with keys as (
    select k.conname, k.conrelid, k.table_name, expected.columns, cardinality(expected.columns) as size
    from our_keys as k
    cross join lateral (
        select array_agg(a.attnum order by a.attnum) as columns
        from pg_attribute as a
        where a.attrelid = k.conrelid and a.attnum = any(k.conkey)
            and (cardinality(k.conkey) = 1 or a.attname <> 'organization_id')
    ) as expected
),

-- The key columns of each index, with and without organization_id.
starts as (
    select i.indrelid, ordered.columns
    from pg_index as i
    join pg_class as c on c.oid = i.indexrelid
    join pg_am as m on m.oid = c.relam and m.amname in ('btree', 'hash')
    cross join lateral (
        select array_agg(k.attnum order by k.place) as columns,
            array_agg(k.attnum order by k.place) filter (where a.attname is distinct from 'organization_id') as others
        -- An int2vector counts from 0; `unnest` with ordinality counts from 1.
        from unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
        left join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
        where k.place <= i.indnkeyatts
    ) as found
    cross join lateral (values (found.columns), (found.others)) as ordered (columns)
    where i.indisvalid and i.indpred is null
)

select keys.conname::text,
    format('the foreign key on %s has no index', keys.table_name),
    format(
        'create index ix_%1$s_%2$s on %1$s (%3$s)', keys.table_name,
        (
            select string_agg(regexp_replace(attname, '_(id|at|number)$', ''), '_' order by attnum)
            from pg_attribute
            where attrelid = keys.conrelid and attnum = any(keys.columns)
        ),
        (
            select string_agg(quote_ident(attname), ', ' order by attnum)
            from pg_attribute
            where attrelid = keys.conrelid and attnum = any(keys.columns)
        )
    )
from keys
where not exists (
    select
    from starts
    where starts.indrelid = keys.conrelid
        and (select array_agg(c order by c) from unnest(starts.columns[1:keys.size]) as c) = keys.columns
)
order by keys.conname
