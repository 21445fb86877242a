-- The queries of this table; README.md beside this file describes the annotations.

-- name: LockUnpublished :many
-- scope: either
-- Returns events that the bus has not heard, oldest first, and keeps other publishers from them until the transaction
-- ends. Publish them, then call [`mark_published`] in the same transaction: after a crash in between they are
-- published again, and never lost.
-- param batch - The most to return.
select id, organization_id, event_type, campaign_id, contact_id, call_attempt_id, payload, created_at
from events
where published_at is null
order by created_at
limit :batch
for update skip locked;

-- name: MarkPublished :execrows
-- scope: either
-- Marks events as heard by the bus; those that were already keep their time and do not count.
update events
set published_at = now()
where id = any(:event_ids) and published_at is null;
