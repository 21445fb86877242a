-- The queries of this table; README.md beside this file describes the annotations.

-- name: Import :one
-- scope: customer
-- visibility: crate
-- The insert of the public function of this name: numbers that are listed already keep their reason, and
-- what is not an E.164 number is left out and counted.
-- param organization_id - Whose list; for a customer, its own.
-- param phone_numbers - In any order, repeated or not.
-- param reason - Of all of them.
-- param source - Of all of them.
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
-- Returns those of the numbers that are on the exclusion list.
-- param organization_id - Whose list; for a customer, its own.
select phone_number
from exclusion_list_entries
where organization_id = :organization_id and phone_number = any(:phone_numbers);
