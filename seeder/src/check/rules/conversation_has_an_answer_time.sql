-- A call attempt with the outcome completed or refused has an answer time.
select id as call_attempt_id, 'outcome ' || cast(outcome as text) || ', no answered_at' as found
from call_attempts
where outcome in ('completed', 'refused') and answered_at is null
