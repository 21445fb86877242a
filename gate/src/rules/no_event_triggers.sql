select evtname::text, format('is an event trigger on %s', evtevent), format('drop event trigger %I', evtname)
from pg_event_trigger as g
where not exists (
        select from pg_depend where classid = 'pg_event_trigger'::regclass and objid = g.oid and deptype = 'e'
    )
order by evtname
