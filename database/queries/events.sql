-- The queries of this table; README.md beside this file describes the annotations.

-- name: LockUnpublished :many
-- scope: either
-- visibility: crate
-- row: UnpublishedEvent
-- citus: shard - an admin transaction locks events of all organizations
-- Locks unpublished events, oldest first, until the transaction ends; events that another transaction has locked are
-- skipped.
-- param batch - The maximum number of events.
select id, organization_id, event_type, campaign_id, contact_id, call_attempt_id, payload, created_at
from events
where published_at is null
order by created_at
limit :batch
for update skip locked;

-- name: MarkPublished :execrows
-- scope: either
-- visibility: crate
-- Marks events as published; published events keep their time and are not counted.
update events
set published_at = now()
where id = any(:event_ids) and published_at is null;

-- name: DeletePublished :optional
-- scope: admin
-- citus: shard - it locks events of all organizations
-- deleted: campaigns, email_templates, organizations: reads - retention covers them
-- Looks at the next events that were published before `event_days`, oldest first, deletes those without an e-mail, and
-- returns their number; `None`: there are none. Those that another transaction has locked are skipped. On Citus it
-- looks at one shard: call it for each of `Database::shards`.
-- param after_created_at - The last event of the previous batch; the epoch for the first one.
-- param after_id EventId - The same event; nil for the first batch.
-- param event_days - Days after which a published event is removed.
-- param batch - The maximum number of events.
-- column last_id EventId
with candidate as materialized (
    -- Before the condition on e-mails, whose selectivity the planner does not know.
    select id, created_at
    from events
    where published_at < now() - least(:event_days::bigint, 36500) * interval '1 day'
        -- Implied by the preceding line, in a form that an index can serve.
        and created_at < now() - least(:event_days, 36500) * interval '1 day'
        and (created_at, id) > (:after_created_at::timestamptz, :after_id::uuid)
    order by created_at, id
    limit :batch
), expired as (
    select id
    from events
    where id = any(array(select candidate.id from candidate))
        and not exists (select from email_notifications where email_notifications.event_id = events.id)
    for update skip locked
), deleted as (
    delete from events where id = any(array(select expired.id from expired)) returning id
)
select
    (select count(*) from deleted) as "events!",
    (select count(*) from candidate) as "seen!",
    (select created_at from candidate order by created_at desc, id desc limit 1) as "last_created_at?",
    (select id from candidate order by created_at desc, id desc limit 1) as "last_id?"
where exists (select from candidate);
