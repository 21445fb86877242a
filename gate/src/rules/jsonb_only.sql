select name, format('has the type %s', type_name),
    format('alter table %s alter column %I type jsonb', table_name, attname)
from our_columns
where type_oid in ('json'::regtype, 'xml'::regtype)
order by name
