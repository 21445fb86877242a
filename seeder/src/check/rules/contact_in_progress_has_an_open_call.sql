-- A contact in progress has a call attempt without an outcome.
select contacts.id as contact_id, 'attempts_count ' || contacts.attempts_count || ', all with an outcome' as found
from contacts
where contacts.state = 'in_progress'
    and not exists (
        select 1
        from call_attempts
        where call_attempts.contact_id = contacts.id and call_attempts.outcome is null
    )
