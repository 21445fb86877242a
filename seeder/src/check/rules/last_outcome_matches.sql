-- `last_outcome` of a contact is the outcome of its last call attempt, while that is under way of the one before it. A
-- contact that was erased during a call may keep the former.
select
    contacts.id as contact_id,
    'last_outcome ' || coalesce(cast(contacts.last_outcome as text), 'null') || ', call attempt '
        || case when call_attempts.id is null then 'none' else coalesce(cast(call_attempts.outcome as text), 'null') end
        as found
from contacts
left join call_attempts
    on call_attempts.contact_id = contacts.id
    and call_attempts.attempt_number
        = case when contacts.state = 'in_progress' then contacts.attempts_count - 1 else contacts.attempts_count end
where contacts.phone_number <> 'DELETED'
    and (call_attempts.id is not null or contacts.state = 'in_progress' and contacts.attempts_count = 1)
    and contacts.last_outcome is distinct from call_attempts.outcome
