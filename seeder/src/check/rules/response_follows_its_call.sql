-- A survey is completed after its call attempt started.
select survey_responses.id as survey_response_id, 'completed before its call attempt started' as found
from survey_responses
join call_attempts on call_attempts.id = survey_responses.call_attempt_id
where survey_responses.completed_at < call_attempts.started_at
