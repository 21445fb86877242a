-- `time` is allowed for an hour of the day, such as the start of a call window, which has no zone. `date` is allowed.
select name, format('has the type %s', type_name), format(
        'alter table %s alter column %I type timestamptz using %2$I at time zone ''UTC''', table_name, attname
    )
from our_columns
where type_oid in ('timestamp'::regtype, 'timetz'::regtype)
order by name
