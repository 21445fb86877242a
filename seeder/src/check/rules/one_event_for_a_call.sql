-- A call attempt has at most one event.
select call_attempt_id, 'events ' || count(*) as found
from events
where call_attempt_id is not null
group by call_attempt_id
having count(*) > 1
