-- `attempts_count` of a contact is the number of its call attempts.
select
    contacts.id as contact_id,
    'attempts_count ' || contacts.attempts_count || ', call attempts ' || coalesce(attempts.found, 0) as found
from contacts
left join (
    select contact_id, count(*) as found
    from call_attempts
    group by contact_id
) as attempts on attempts.contact_id = contacts.id
where contacts.attempts_count <> coalesce(attempts.found, 0)
