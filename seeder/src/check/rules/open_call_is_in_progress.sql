-- A call attempt without an outcome is the last one of a contact in progress, or of one that was erased during the
-- call.
select
    call_attempts.id as call_attempt_id,
    'attempt_number ' || call_attempts.attempt_number || ' of ' || contacts.attempts_count || ', contact '
        || cast(contacts.state as text) as found
from call_attempts
join contacts on contacts.id = call_attempts.contact_id
where call_attempts.outcome is null
    and not (
        call_attempts.attempt_number >= contacts.attempts_count
        and (contacts.state = 'in_progress' or contacts.phone_number = 'DELETED')
    )
