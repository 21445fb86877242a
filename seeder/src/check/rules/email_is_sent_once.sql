-- An event has at most one e-mail for a template.
select event_id, 'e-mails for one template ' || count(*) as found
from email_notifications
group by event_id, template_id
having count(*) > 1
