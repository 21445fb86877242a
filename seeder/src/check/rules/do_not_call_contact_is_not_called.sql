-- A contact that is marked do-not-call is not waiting for a call.
select
    contacts.id as contact_id,
    'do_not_call, state ' || cast(contacts.state as text) || ', attempts_count ' || contacts.attempts_count as found
from contacts
join campaigns on campaigns.id = contacts.campaign_id
where contacts.do_not_call
    and (
        contacts.state = 'pending'
        or contacts.state = 'not_reached' and contacts.attempts_count < campaigns.max_attempts
    )
