-- A contact is completed exactly if it has a survey response for its campaign.
select
    contacts.id as contact_id,
    'state ' || cast(contacts.state as text)
        || case when survey_responses.id is null then ', no' else ', a' end || ' survey response' as found
from contacts
left join survey_responses
    on survey_responses.contact_id = contacts.id and survey_responses.campaign_id = contacts.campaign_id
where (contacts.state = 'completed') <> (survey_responses.id is not null)
