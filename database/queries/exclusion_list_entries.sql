-- The queries of this table; README.md beside this file describes the annotations.

-- name: Import :one
-- scope: customer
-- visibility: crate
-- The insert of the public function of this name: an existing entry keeps its reason, and texts that are not E.164
-- numbers are skipped and counted.
-- param organization_id - The organization of the list.
-- param phone_numbers - In any order; duplicates count once.
-- param reason - The reason of all entries.
-- param source - The source of all entries.
with given as (
    select distinct phone_number
    from unnest(:phone_numbers::text[]) as given (phone_number)
), valid as (
    select phone_number from given where phone_number ~ '^[+][1-9][0-9]{1,14}$'
), imported as (
    insert into exclusion_list_entries (organization_id, phone_number, reason, source)
    select :organization_id, phone_number, :reason?, :source
    from valid
    on conflict (organization_id, phone_number) do nothing
    returning id
)
select
    imported.count as "imported!",
    valid.count - imported.count as "known!",
    given.count - valid.count as "malformed!"
from (select count(*) from given) as given
cross join (select count(*) from valid) as valid
cross join (select count(*) from imported) as imported;

-- name: ListExcluded :many
-- scope: either
-- deleted: organizations: reads - an excluded number is not called by a call under way either
-- Returns those of the numbers that are on the organization's exclusion list.
-- param organization_id - The organization of the list; in a customer transaction, its own.
select phone_number
from exclusion_list_entries
where organization_id = :organization_id and phone_number = any(:phone_numbers);

-- name: Purge :many
-- scope: admin
-- deleted: organizations: reads - it removes what was deleted
-- Removes exclusions of an organization that was deleted before `deleted_days`, in the order of their numbers, and
-- returns them. Those that another transaction has locked are skipped.
-- param after_phone_number - The last number of the previous batch; empty for the first one.
-- param batch - The maximum number of exclusions.
with purged as (
    select exclusion_list_entries.id
    from exclusion_list_entries
    join organizations on organizations.id = exclusion_list_entries.organization_id
    where exclusion_list_entries.organization_id = :organization_id
        and organizations.deleted_at < now() - least(:deleted_days::bigint, 36500) * interval '1 day'
        and exclusion_list_entries.phone_number > :after_phone_number
    order by exclusion_list_entries.phone_number
    limit :batch
    for update of exclusion_list_entries skip locked
)
delete from exclusion_list_entries where id = any(array(select id from purged)) returning phone_number;
