-- Administrators create memberships, so user_organizations has no default.
with owned as (
    select t.name, c.attnum, c.type_oid, c.type_name, c.attnotnull, c.default_text,
        t.name <> 'user_organizations' and c.default_text is distinct from 'current_organization_id()' as lacks_default,
        not exists (
            select
            from our_keys as k
            where k.conrelid = t.oid and k.referred_name = 'organizations' and k.conkey = array[c.attnum]
                and k.confdeltype = 'c'
        ) as lacks_key
    from our_tables as t
    left join our_columns as c on c.table_oid = t.oid and c.attname = 'organization_id'
    where t.is_tenant
)

select name || '.organization_id', case
        when attnum is null then 'is missing'
        else concat_ws(
            ', ',
            case when type_oid <> 'uuid'::regtype then format('has the type %s', type_name) end,
            case when not attnotnull then 'may be null' end,
            case when lacks_default then format('has the default %s', coalesce(default_text, 'null')) end,
            case when lacks_key then 'has no cascading key to organizations' end
        )
    end, null
from owned
where attnum is null or type_oid <> 'uuid'::regtype or not attnotnull or lacks_default or lacks_key
order by name
