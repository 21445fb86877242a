-- Two calls to a contact start at least `retry_interval_minutes` apart, unless the campaign's value was changed since.
-- PostgreSQL: SQLite has no intervals.
select
    later.id as call_attempt_id,
    'started ' || floor(date_part('epoch', later.started_at - earlier.started_at) / 60)
        || ' min after the call before it, retry_interval_minutes ' || campaigns.retry_interval_minutes as found
from call_attempts as later
join call_attempts as earlier
    on earlier.contact_id = later.contact_id and earlier.attempt_number = later.attempt_number - 1
join campaigns on campaigns.id = later.campaign_id
where later.attempt_number > 1
    -- The limit of ten years of the claim.
    and later.started_at
        < earlier.started_at + least(campaigns.retry_interval_minutes, 5256000) * interval '1 minute'
    and not exists (
        select 1
        from audit_log_entries
        where audit_log_entries.row_id = campaigns.id
            and audit_log_entries.action = 'update'
            and (audit_log_entries.changes -> 'retry_interval_minutes') is not null
            and audit_log_entries.created_at >= later.started_at
    )
