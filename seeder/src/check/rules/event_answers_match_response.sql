-- The answers in an event are those of the survey response.
select events.id as event_id, 'other answers than the survey response' as found
from events
join survey_responses on survey_responses.call_attempt_id = events.call_attempt_id
where (events.payload -> 'answers') is not null
    and (
        (events.payload -> 'answers' -> 0 ->> 'answer') is distinct from survey_responses.q1_answer
        or (events.payload -> 'answers' -> 1 ->> 'answer') is distinct from survey_responses.q2_answer
        or (events.payload -> 'answers' -> 2 ->> 'answer') is distinct from survey_responses.q3_answer
    )
