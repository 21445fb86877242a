-- PostgreSQL stores `x in ('a', 'b')` as `x = ANY (ARRAY[...])`, in the check of a domain as well.
select c.name, format('is text with a list of values in the check %s', k.conname), null
from our_columns as c
join pg_constraint as k on k.contype = 'c'
    and (k.conrelid = c.table_oid and k.conkey = array[c.attnum] or k.contypid = c.atttypid)
where c.type_oid in ('text'::regtype, 'varchar'::regtype)
    and pg_get_constraintdef(k.oid) ~ '= ANY \(+ARRAY\[|= ''[^'']*''::\w+\) OR \(\S+ = '''
order by c.name
