-- The queries of this table; README.md beside this file describes the annotations.

-- name: LockEvent :optional
-- scope: customer
-- visibility: crate
-- Locks an event until the transaction ends, so that no other transaction creates an e-mail for it, and returns what
-- the e-mail copies from it. `None`: there is no such event.
--
-- NO KEY UPDATE, because a plain row lock would block inserts of rows that reference the event.
select contact_id, campaign_id, current_setting('transaction_isolation') as "isolation_level!"
from events
where id = :event_id
for no key update;

-- name: DeleteFinal :many
-- scope: admin
-- citus: shard - it locks e-mails of all organizations
-- deleted: campaigns, email_templates, organizations: reads - retention covers them
-- Deletes e-mails that were sent, or failed, before `email_days`, oldest first, and returns them. Those that another
-- transaction has locked are skipped. On Citus the order is that of each shard: call it for each of `Database::shards`.
-- param after_created_at - The last e-mail of the previous batch; the epoch for the first one.
-- param after_id EmailNotificationId - The same e-mail; nil for the first batch.
-- param batch - The maximum number of e-mails.
with final as (
    select id
    from email_notifications
    where status <> 'pending'
        and updated_at < now() - least(:email_days::bigint, 36500) * interval '1 day'
        -- Implied by the preceding line, in a form that an index can serve.
        and created_at < now() - least(:email_days, 36500) * interval '1 day'
        and (created_at, id) > (:after_created_at::timestamptz, :after_id::uuid)
    order by created_at, id
    limit :batch
    for update skip locked
)
delete from email_notifications
where id = any(array(select id from final))
returning id, created_at;
