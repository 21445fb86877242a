-- An erased contact has no e-mail address and no external id, is marked do-not-call, and has an erasure request.
select
    contacts.id as contact_id,
    'erased'
        || case when contacts.email is null then '' else ', has an e-mail address' end
        || case when contacts.external_contact_id is null then '' else ', has an external id' end
        || case when contacts.do_not_call then '' else ', may be called' end
        || case when requests.contact_id is null then ', no erasure request' else '' end as found
from contacts
left join (select distinct contact_id from erasure_requests) as requests on requests.contact_id = contacts.id
where contacts.phone_number = 'DELETED'
    and (
        contacts.email is not null
        or contacts.external_contact_id is not null
        or not contacts.do_not_call
        or requests.contact_id is null
    )
