-- pk_<table>, uq_<table>_<columns>, ck_<table>_<rule>, fk_<table>_<column other than organization_id>_<referenced
-- table>, ix_<table>_<columns without _id, _at, _number>. The name of a partial index adds a suffix.
with named (object, name, kind, stem, expected, rename) as (
    select r.name, r.relname::text, 'relation', null, null, format(
            'alter %s %s rename to',
            case r.relkind
                when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' else 'table'
            end,
            r.oid::regclass
        )
    from our_relations as r
    where not r.is_ledger
    union all
    select c.name, c.attname, 'column', null, null, format(
            'alter table %s rename column %I to', c.table_name, c.attname
        )
    from our_columns as c
    union all
    select format('%s.%s', t.name, k.conname), k.conname, 'constraint', stem, case
            when k.contype <> 'c' then stem
            -- A check has any suffix after the table's name.
            when starts_with(k.conname, stem || '_') then null
            else concat_ws('_', stem, on_columns.names, 'check')
        end, format('alter table %s rename constraint %I to', t.name, k.conname)
    from our_tables as t
    join pg_constraint as k on k.conrelid = t.oid and k.contype in ('c', 'f', 'p', 'u') and k.conislocal
    cross join lateral (
        select string_agg(a.attname, '_' order by u.place) as names,
            string_agg(a.attname, '_' order by u.place) filter (
                where cardinality(k.conkey) = 1 or a.attname <> 'organization_id'
            ) as own_names
        from unnest(k.conkey) with ordinality as u (attnum, place)
        join pg_attribute as a on a.attrelid = t.oid and a.attnum = u.attnum
    ) as on_columns
    cross join lateral (
        select case k.contype
                when 'p' then format('pk_%s', t.relname)
                when 'u' then format('uq_%s_%s', t.relname, on_columns.names)
                when 'f' then format(
                    'fk_%s_%s_%s', t.relname, on_columns.own_names,
                    (select relname from pg_class where oid = k.confrelid)
                )
                else format('ck_%s', t.relname)
            end as stem
    ) as grammar
    union all
    select x.oid::regclass::text, x.relname::text, 'index', stem, case
            when i.indpred is null then stem
            when starts_with(x.relname, stem || '_') then null
            else stem || '_partial'
        end, format('alter index %s rename to', x.oid::regclass)
    from our_relations as t
    join pg_index as i on i.indrelid = t.oid
    join pg_class as x on x.oid = i.indexrelid and not x.relispartition
    cross join lateral (
        select concat_ws('_', case when i.indisunique then 'uq' else 'ix' end, t.relname, string_agg(
                    case
                        when i.indisunique and k.attnum <> 0 then a.attname
                        when k.attnum <> 0 then regexp_replace(a.attname, '_(id|at|number)$', '')
                        -- Of an expression, its letters and digits.
                        else trim('_' from regexp_replace(
                            lower(pg_get_indexdef(i.indexrelid, k.place::int, false)), '[^a-z0-9]+', '_', 'g'
                        ))
                    end, '_' order by k.place
                )) as stem
        from unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
        left join pg_attribute as a on a.attrelid = t.oid and a.attnum = k.attnum
        where k.place <= i.indnkeyatts
    ) as grammar
    where not t.is_ledger and not exists (
            select from pg_constraint where conindid = i.indexrelid and contype in ('p', 'u', 'x')
        )
    union all
    select t.oid::regtype::text, t.typname, 'type', null, null, format('alter type %s rename to', t.oid::regtype)
    from pg_type as t
    where t.typtype in ('e', 'd') and t.typnamespace in (select oid from our_schemas)
        and not exists (select from pg_depend where classid = 'pg_type'::regclass and objid = t.oid and deptype = 'e')
    union all
    select f.name, f.proname, 'function', null, null, format('alter function %s rename to', f.name)
    from our_functions as f
    union all
    select format('%s.%s', t.name, g.tgname), g.tgname, 'trigger', null, null, format(
            'alter trigger %I on %s rename to', g.tgname, t.name
        )
    from our_tables as t
    join pg_trigger as g on g.tgrelid = t.oid and not g.tgisinternal
    union all
    select p.name, p.polname, 'policy', null, null, format('alter policy %I on %s rename to', p.polname, p.table_name)
    from our_policies as p
    union all
    select format('schema %s', s.nspname), s.nspname, 'schema', null, null,
        format('alter schema %I rename to', s.nspname)
    from our_schemas as s
),

judged as (
    select *, trim('_' from regexp_replace(lower(
            regexp_replace(name, '([a-z0-9])([A-Z])', '\1_\2', 'g')
        ), '[^a-z0-9]+', '_', 'g')) as snake,
        name in (select word from pg_get_keywords() where catcode in ('R', 'T')) as is_reserved
    from named
)

select object,
    case
        when octet_length(expected) > 63 then format(
            'should be named %s, which is %s bytes long; PostgreSQL truncates names to 63 bytes', expected,
            octet_length(expected)
        )
        when expected <> name then 'does not follow the naming convention'
        when name !~ '^[a-z][a-z0-9]*(_[a-z0-9]+)*$' then 'is not in snake_case'
        when is_reserved then 'is a reserved word'
        else 'is as long as a truncated name, 63 bytes'
    end,
    case
        when octet_length(coalesce(expected, name)) >= 63 then null
        when expected <> name then format('%s %I', rename, expected)
        when is_reserved then format('%s %I', rename, snake || '_' || kind)
        else format('%s %I', rename, snake)
    end
from judged
where octet_length(expected) > 63 or expected <> name or name !~ '^[a-z][a-z0-9]*(_[a-z0-9]+)*$' or is_reserved
    or expected is null and octet_length(name) >= 63
order by object
