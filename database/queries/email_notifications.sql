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
