-- An event reports the outcome of its call attempt: completed, refused, or not reached.
select
    events.id as event_id,
    'type ' || cast(events.event_type as text) || ', outcome '
        || coalesce(cast(call_attempts.outcome as text), 'null') as found
from events
join call_attempts on call_attempts.id = events.call_attempt_id
where cast(events.event_type as text) <> 'survey.' || case
        when call_attempts.outcome in ('no_answer', 'busy', 'failed') then 'not_reached'
        else coalesce(cast(call_attempts.outcome as text), '')
    end
