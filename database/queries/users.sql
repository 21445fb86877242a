-- The queries of this table; README.md beside this file describes the annotations.

-- name: Purge :one
-- scope: admin
-- deleted: organizations, users: reads - it removes what was deleted
-- Removes users that were deleted before `deleted_days`, with their memberships, and returns the numbers of removed
-- rows. Campaigns that they created stay, without an author. Those that another transaction has locked are skipped.
-- param batch - The maximum number of users.
with purged as (
    select id
    from users
    where deleted_at < now() - least(:deleted_days::bigint, 36500) * interval '1 day'
    order by id
    limit :batch
    for update skip locked
), membership as (
    delete from user_organizations where user_id = any(array(select id from purged)) returning id
), person as (
    delete from users where id = any(array(select id from purged)) returning id
)
select
    (select count(*) from membership) as "user_organizations!",
    (select count(*) from person) as "users!";
