-- organizations, users and user_organizations: only what their policies allow. Updates are granted by column: a customer
-- must not change an author, a role, or what concerns other organizations too. Rows that can be marked as deleted are kept.
with excessive as (
    select name, privilege_type,
        case
            when relkind not in ('r', 'p', 'v') then 'on a relation without policies'
            when is_internal then 'on an internal relation'
            when relkind = 'v' and privilege_type = 'SELECT' and not is_grantable then null
            when privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
                then 'to which Row Level Security does not apply'
            when table_name = 'user_organizations' and privilege_type <> 'SELECT'
                or table_name in ('organizations', 'users') and privilege_type not in ('SELECT', 'UPDATE')
                then 'on rows outside the tenant'
            when privilege_type = 'UPDATE' and attname is null then 'on all columns'
            when privilege_type = 'UPDATE'
                and (
                    attname in ('created_at', 'created_by_user_id', 'id', 'organization_id', 'updated_at')
                    or table_name = 'organizations' and attname not in ('metadata', 'name')
                    or table_name = 'users' and attname <> 'metadata'
                )
                then 'on a column that customers must not change'
            when privilege_type = 'DELETE' and exists (
                select from our_columns as d where d.table_oid = g.table_oid and d.attname = 'deleted_at'
            ) then 'on rows that are marked as deleted instead'
            when is_grantable then 'with grant option'
        end as fault
    from our_grants as g
    where grantee = to_regrole('customer')
    union all
    select format('schema %s', s.nspname), a.privilege_type, 'which allows shadowing functions'
    from our_schemas as s
    cross join aclexplode(s.nspacl) as a
    where a.grantee = to_regrole('customer') and (a.privilege_type = 'CREATE' or a.is_grantable)
    union all
    select 'database', a.privilege_type, 'which allows creating schemas'
    from pg_database as d
    cross join aclexplode(d.datacl) as a
    where d.datname = current_database() and a.grantee in (0, to_regrole('customer')) and a.privilege_type = 'CREATE'
    union all
    select format('parameter %s', p.parname), a.privilege_type, 'which is reserved for administrators'
    from pg_parameter_acl as p
    cross join aclexplode(p.paracl) as a
    where a.grantee in (0, to_regrole('customer'))
)

select name,
    'the customer holds ' || string_agg(format('%s %s', privilege_type, fault), ', ' order by privilege_type), null
from excessive
where fault is not null
group by name
order by name
