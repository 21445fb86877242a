-- A call attempt has the outcome completed exactly if a survey response refers to it.
select
    call_attempts.id as call_attempt_id,
    'outcome ' || coalesce(cast(call_attempts.outcome as text), 'null')
        || case when survey_responses.id is null then ', no' else ', a' end || ' survey response' as found
from call_attempts
left join survey_responses on survey_responses.call_attempt_id = call_attempts.id
where (coalesce(cast(call_attempts.outcome as text), '') = 'completed') <> (survey_responses.id is not null)
