-- The tables, and the files they are stored in.
select oid::int8, oid::regclass::text, coalesce(pg_relation_filenode(oid), 0)::int8
from pg_class
where oid >= 16384 and relkind in ('r', 'p', 'm') and relnamespace <> 'pg_toast'::regnamespace
order by relname
