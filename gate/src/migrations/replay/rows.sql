-- What a row needs in each empty table, parents before children: its columns that are not null and have no default of
-- their own, each with expressions to be tried.
select c.oid::regclass::text, a.attname::text, case
        when parent.expression is not null then array[parent.expression]
        when t.typtype = 'e' then array[
            (select quote_literal(enumlabel) from pg_enum where enumtypid = t.oid order by enumsortorder limit 1)
        ]
        when t.typcategory = 'S' then array['''x''', '''+15550100000''', '''x@example.com''']
        when t.typcategory = 'N' then array['1', '0']
        when t.typcategory = 'B' then array['false']
        when t.typcategory = 'D' then array['now()']
        when t.typname = 'uuid' then array['gen_random_uuid()']
        -- As long as a hash, or a block of it.
        when t.typname = 'bytea' then array['sha256('''')', 'sha256('''') || sha256('''')']
        else array['''{}''']
    end
from pg_class as c
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type as t on t.oid = a.atttypid
left join lateral (
    -- Every table has one row, so that keys agree with each other.
    select format('(select %I from %s limit 1)', r.attname, k.confrelid::regclass) as expression
    from pg_constraint as k
    join unnest(k.conkey, k.confkey) as pair (here, there) on pair.here = a.attnum
    join pg_attribute as r on r.attrelid = k.confrelid and r.attnum = pair.there
    where k.contype = 'f' and k.conrelid = c.oid
    limit 1
) as parent on true
where c.oid >= 16384 and c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
    and a.attnotnull and a.attidentity = '' and a.attgenerated = '' and (not a.atthasdef or parent.expression is not null)
order by c.oid, a.attnum
