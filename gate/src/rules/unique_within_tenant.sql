-- A constraint may go without the tenant if it contains a key to a row of the tenant: that is a random uuid, which
-- nobody guesses. The primary key is one itself.
with excepted (name, reason) as (
    values ('uq_call_attempts_call_id', 'a provider''s webhook names the call and no tenant; our random ids')
)

select i.indexrelid::regclass::text as object, format('is unique over all tenants of %s', t.name), null
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
