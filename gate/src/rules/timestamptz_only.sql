-- `time` is allowed: an hour of the day, such as the start of a call window, is in no zone. `date` is one everywhere.
select name, format('is %s', type_name), format(
        'alter table %s alter column %I type timestamptz using %2$I at time zone ''UTC''', table_name, attname
    )
from our_columns
where type_oid in ('timestamp'::regtype, 'timetz'::regtype)
order by name
