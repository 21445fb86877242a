-- The attempt number and the outcome in an event are those of its call attempt.
select
    events.id as event_id,
    'attempt_number ' || coalesce(events.payload ->> 'attempt_number', 'null') || ' of '
        || call_attempts.attempt_number || ', outcome ' || coalesce(events.payload ->> 'outcome', 'null') || ' of '
        || coalesce(cast(call_attempts.outcome as text), 'null') as found
from events
join call_attempts on call_attempts.id = events.call_attempt_id
where cast(events.payload ->> 'attempt_number' as text) <> cast(call_attempts.attempt_number as text)
    or (events.payload ->> 'outcome') <> coalesce(cast(call_attempts.outcome as text), '')
