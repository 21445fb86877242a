-- The contact and the campaign of an e-mail are those of its event.
select email_notifications.id as email_notification_id, 'another contact or campaign than its event' as found
from email_notifications
join events on events.id = email_notifications.event_id
where email_notifications.contact_id <> events.contact_id
    or email_notifications.campaign_id <> events.campaign_id
