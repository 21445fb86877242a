-- The contact and the campaign of a survey response are those of its call attempt.
select survey_responses.id as survey_response_id, 'another contact or campaign than its call attempt' as found
from survey_responses
join call_attempts on call_attempts.id = survey_responses.call_attempt_id
where survey_responses.contact_id <> call_attempts.contact_id
    or survey_responses.campaign_id <> call_attempts.campaign_id
