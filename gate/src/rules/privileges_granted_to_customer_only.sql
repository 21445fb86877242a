with granted (name, owner, grantee, privilege_type) as (
    select r.name, r.relowner, a.grantee, a.privilege_type
    from our_relations as r
    cross join aclexplode(r.relacl) as a
    union all
    select format('%s.%s', r.name, c.attname), r.relowner, a.grantee, a.privilege_type
    from our_relations as r
    join pg_attribute as c on c.attrelid = r.oid
    cross join aclexplode(c.attacl) as a
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
