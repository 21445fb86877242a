-- A call attempt that did not reach the contact has an end.
select id as call_attempt_id, 'outcome ' || cast(outcome as text) || ', no ended_at' as found
from call_attempts
where outcome in ('no_answer', 'busy', 'failed') and ended_at is null
