-- A call attempt with the outcome completed or refused has the event of that type, unless retention may have removed
-- it.
select call_attempts.id as call_attempt_id, 'outcome ' || cast(call_attempts.outcome as text) || ', no event' as found
from call_attempts
where call_attempts.outcome in ('completed', 'refused')
    and call_attempts.started_at >= :events_since
    and not exists (select 1 from events where events.call_attempt_id = call_attempts.id)
