-- A number is not called after it was excluded.
-- An hour is allowed, because both times are those when a transaction began.
-- PostgreSQL: SQLite has no intervals.
select call_attempts.id as call_attempt_id, 'started after the number was excluded' as found
from exclusion_list_entries
join contacts
    on contacts.organization_id = exclusion_list_entries.organization_id
    and contacts.phone_number = exclusion_list_entries.phone_number
join call_attempts on call_attempts.contact_id = contacts.id
where call_attempts.started_at > exclusion_list_entries.created_at + interval '1 hour'
