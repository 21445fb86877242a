-- PostgreSQL writes `x in ('a', 'b')` back as `x = ANY (ARRAY[...])`, and a domain's check likewise.
select c.name, format('is a text whose values %s lists', k.conname), null
from our_columns as c
join pg_constraint as k on k.contype = 'c'
    and (k.conrelid = c.table_oid and k.conkey = array[c.attnum] or k.contypid = c.atttypid)
where c.type_oid in ('text'::regtype, 'varchar'::regtype)
    and pg_get_constraintdef(k.oid) ~ '= ANY \(+ARRAY\[|= ''[^'']*''::\w+\) OR \(\S+ = '''
order by c.name
