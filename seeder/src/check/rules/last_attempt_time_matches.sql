-- `last_attempt_at` of a contact is the start of its last call attempt; null: it has none.
select
    contacts.id as contact_id,
    case
        when contacts.attempts_count = 0 then 'last_attempt_at without a call attempt'
        when contacts.last_attempt_at is null then 'no last_attempt_at'
        else 'last_attempt_at is not the start of call attempt ' || call_attempts.attempt_number
    end as found
from contacts
left join call_attempts
    on call_attempts.contact_id = contacts.id and call_attempts.attempt_number = contacts.attempts_count
where contacts.attempts_count = 0 and contacts.last_attempt_at is not null
    or call_attempts.id is not null and contacts.last_attempt_at is distinct from call_attempts.started_at
