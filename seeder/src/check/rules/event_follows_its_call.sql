-- An event is created after its call attempt started.
select events.id as event_id, 'created before its call attempt started' as found
from events
join call_attempts on call_attempts.id = events.call_attempt_id
where events.created_at < call_attempts.started_at
