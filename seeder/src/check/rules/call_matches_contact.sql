-- The campaign of a call attempt is that of its contact.
select call_attempts.id as call_attempt_id, 'another campaign than its contact' as found
from call_attempts
join contacts on contacts.id = call_attempts.contact_id
where call_attempts.campaign_id <> contacts.campaign_id
