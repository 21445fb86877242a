with granted (name, owner, grantee, privilege_type) as (
    select g.name, g.relowner, g.grantee, g.privilege_type
    from our_grants as g
    union all
    select format('schema %s', s.nspname), s.nspowner, a.grantee, a.privilege_type
    from our_schemas as s
    cross join aclexplode(s.nspacl) as a
    where a.privilege_type = 'CREATE'
)

select name, format(
        '%s holds %s', case grantee when 0 then 'PUBLIC' else pg_get_userbyid(grantee) end,
        string_agg(privilege_type, ', ' order by privilege_type)
    ), null
from granted
where grantee <> owner and grantee is distinct from to_regrole('customer')
group by name, grantee
order by name, grantee
