-- The campaign of an event is that of its contact.
select events.id as event_id, 'another campaign than its contact' as found
from events
join contacts on contacts.id = events.contact_id
where events.campaign_id <> contacts.campaign_id
