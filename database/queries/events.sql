-- The queries of this table; README.md beside this file describes the annotations.

-- name: LockUnpublished :many
-- scope: either
-- visibility: crate
-- row: UnpublishedEvent
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
