-- A contact has at most `max_attempts` call attempts, unless the campaign's value was changed since the last one.
select
    contacts.id as contact_id,
    'attempts_count ' || contacts.attempts_count || ', max_attempts ' || campaigns.max_attempts as found
from contacts
join campaigns on campaigns.id = contacts.campaign_id
where contacts.attempts_count > campaigns.max_attempts
    and not exists (
        select 1
        from audit_log_entries
        where audit_log_entries.row_id = campaigns.id
            and audit_log_entries.action = 'update'
            and (audit_log_entries.changes -> 'max_attempts') is not null
            and audit_log_entries.created_at >= coalesce(contacts.last_attempt_at, contacts.created_at)
    )
