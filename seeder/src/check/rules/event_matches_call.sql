-- The contact of an event is that of its call attempt.
select events.id as event_id, 'another contact than its call attempt' as found
from events
join call_attempts on call_attempts.id = events.call_attempt_id
where events.contact_id <> call_attempts.contact_id
