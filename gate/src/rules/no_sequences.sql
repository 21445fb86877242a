select coalesce(
        (
            select format('%s.%s', d.refobjid::regclass, a.attname)
            from pg_depend as d
            join pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
            where d.classid = 'pg_class'::regclass and d.objid = s.oid and d.deptype in ('a', 'i')
        ), s.name
    ) as object, format('uses the sequence %s', s.name), null
from our_relations as s
where s.relkind = 'S'
order by object
