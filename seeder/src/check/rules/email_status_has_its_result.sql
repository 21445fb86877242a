-- A sent e-mail has the provider's message id, a failed one an error unless it was erased, and a pending one neither.
select
    id as email_notification_id,
    'status ' || cast(status as text)
        || case when provider_message_id is null then ', no' else ', a' end || ' message id'
        || case when error_message is null then ', no' else ', an' end || ' error' as found
from email_notifications
where status = 'sent' and provider_message_id is null
    or status = 'failed' and error_message is null and to_email <> 'DELETED'
    or status = 'pending' and (provider_message_id is not null or error_message is not null)
