-- A call attempt with the outcome completed or refused has an end, at the latest a day after it started.
select id as call_attempt_id, 'outcome ' || cast(outcome as text) || ', no ended_at' as found
from call_attempts
where outcome in ('completed', 'refused') and ended_at is null and started_at < :day_ago
