-- The first columns of an index are compared as a set: their order does not matter to an equality search. A unique
-- or partial index serves only if it is valid and covers all rows.
with keys as (
    select c.oid, c.conname, c.conrelid,
        (
            select array_agg(k.attnum order by k.attnum)
            from unnest(c.conkey) as k (attnum)
            join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.attnum
            where cardinality(c.conkey) = 1 or a.attname <> 'organization_id'
        ) as columns
    from pg_constraint as c
    where c.contype = 'f' and c.connamespace = 'public'::regnamespace
)

select keys.conname::text,
    format('the foreign key on %s has no index', keys.conrelid::regclass),
    format(
        'create index ix_%s_%s on %1$s (%s)',
        (select relname from pg_class where oid = keys.conrelid),
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
    from pg_index as i
    where i.indrelid = keys.conrelid and i.indisvalid and i.indpred is null
        and (
            -- The key's own columns come first, or the tenant's and then they.
            (
                select array_agg(x.attnum order by x.attnum)
                from unnest((i.indkey::int2[])[0:cardinality(keys.columns) - 1]) as x (attnum)
            ) = keys.columns
            or (
                select array_agg(x.attnum order by x.attnum)
                from unnest((i.indkey::int2[])[0:cardinality(keys.columns)]) as x (attnum)
                join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = x.attnum
                where a.attname <> 'organization_id'
            ) = keys.columns
        )
)
order by keys.conname
