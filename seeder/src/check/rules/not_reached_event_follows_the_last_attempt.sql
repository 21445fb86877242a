-- A contact has no event that it was not reached before its last attempt, unless the campaign's `max_attempts` was
-- changed since.
select
    events.id as event_id,
    'attempt_number ' || call_attempts.attempt_number || ' of ' || campaigns.max_attempts as found
from events
join call_attempts on call_attempts.id = events.call_attempt_id
join campaigns on campaigns.id = events.campaign_id
where events.event_type = 'survey.not_reached'
    and call_attempts.attempt_number < campaigns.max_attempts
    and not exists (
        select 1
        from audit_log_entries
        where audit_log_entries.row_id = campaigns.id
            and audit_log_entries.action = 'update'
            and (audit_log_entries.changes -> 'max_attempts') is not null
            and audit_log_entries.created_at >= call_attempts.started_at
    )
