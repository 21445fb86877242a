-- A contact that is not reached has an event once it has no attempt left, unless the campaign's `max_attempts` was
-- changed since, or retention may have removed the event.
select
    contacts.id as contact_id,
    'not reached, attempts_count ' || contacts.attempts_count || ' of ' || campaigns.max_attempts
        || ', no event' as found
from contacts
join campaigns on campaigns.id = contacts.campaign_id
join call_attempts
    on call_attempts.contact_id = contacts.id and call_attempts.attempt_number = contacts.attempts_count
where contacts.state = 'not_reached'
    and contacts.attempts_count >= campaigns.max_attempts
    and call_attempts.started_at >= :events_since
    and not exists (select 1 from events where events.call_attempt_id = call_attempts.id)
    and not exists (
        select 1
        from audit_log_entries
        where audit_log_entries.row_id = campaigns.id
            and audit_log_entries.action = 'update'
            and (audit_log_entries.changes -> 'max_attempts') is not null
            and audit_log_entries.created_at >= call_attempts.started_at
    )
