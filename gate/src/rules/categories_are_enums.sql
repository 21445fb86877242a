-- PostgreSQL writes `x in ('a', 'b')` back as `x = ANY (ARRAY[...])`.
select c.name, format('is a text whose values %s lists', k.conname), null
from our_columns as c
join pg_constraint as k on k.conrelid = c.table_oid and k.contype = 'c' and k.conkey = array[c.attnum]
where c.type_oid in ('text'::regtype, 'varchar'::regtype)
    and pg_get_constraintdef(k.oid) ~ '= ANY \(+ARRAY\['
order by c.name
