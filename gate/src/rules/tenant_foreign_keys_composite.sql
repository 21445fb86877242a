select k.name, case
        when ends.is_whole then format('sets organization_id on delete of %s', k.referred_name)
        else format('refers to %s without organization_id', k.referred_name)
    end, null
from our_keys as k
join our_tables as referred on referred.oid = k.confrelid and referred.is_tenant
cross join lateral (
    select coalesce(bool_or(here.attname = 'organization_id' and there.attname = 'organization_id'), false) as is_whole
    from unnest(k.conkey, k.confkey) as pair (here, there)
    join pg_attribute as here on here.attrelid = k.conrelid and here.attnum = pair.here
    join pg_attribute as there on there.attrelid = k.confrelid and there.attnum = pair.there
) as ends
where not ends.is_whole
    -- Without a column list the action applies to all columns.
    or k.confdeltype in ('n', 'd') and exists (
        select
        from pg_attribute as a
        where a.attrelid = k.conrelid and a.attname = 'organization_id'
            and a.attnum = any(coalesce(nullif(k.confdelsetcols, '{}'), k.conkey))
    )
order by k.name
