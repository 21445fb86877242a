select name, format('has the type %s', type_name),
    format('alter table %s alter column %I type bigint', table_name, attname)
from our_columns
where type_oid in ('int2'::regtype, 'int4'::regtype, 'oid'::regtype)
order by name
