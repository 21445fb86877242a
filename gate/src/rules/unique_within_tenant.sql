-- A constraint does not need organization_id if it contains a key to a row of the tenant, which is a random uuid and
-- cannot be guessed. The primary key is one itself.
with excepted (name, reason) as (
    values ('uq_call_attempts_call_id', 'the provider''s webhooks contain the call_id and no tenant; it is a random id')
)

select i.indexrelid::regclass::text as object, format('is unique across the tenants of %s', t.name), null
from our_tables as t
join pg_index as i on i.indrelid = t.oid and (i.indisunique or i.indisexclusion) and not i.indisprimary
where t.is_tenant
    and i.indexrelid::regclass::text not in (select name from excepted)
    and not exists (
        select
        from pg_attribute as a
        where a.attrelid = t.oid and a.attnum = any((i.indkey::int2[])[0:i.indnkeyatts - 1]) and (
            a.attname = 'organization_id'
            or exists (
                select
                from our_keys as k
                join our_tables as referred on referred.oid = k.confrelid and referred.is_tenant
                where k.conrelid = t.oid and a.attnum = any(k.conkey)
            )
        )
    )
order by object
