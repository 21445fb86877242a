select 'default privileges' as object, format(
        'grant %s to %s on objects that %s creates: %s', string_agg(a.privilege_type, ', ' order by a.privilege_type),
        case a.grantee when 0 then 'PUBLIC' else pg_get_userbyid(a.grantee) end, pg_get_userbyid(d.defaclrole),
        case d.defaclobjtype
            when 'r' then 'tables'
            when 'S' then 'sequences'
            when 'f' then 'functions'
            when 'T' then 'types'
            else 'schemas'
        end
    ), null
from pg_default_acl as d
cross join aclexplode(d.defaclacl) as a
where a.grantee in (0, to_regrole('customer'))
    -- The built-in privileges of PUBLIC, which are listed as soon as another one is revoked.
    and not (a.grantee = 0 and d.defaclnamespace = 0 and d.defaclobjtype in ('f', 'T'))
group by d.oid, d.defaclrole, d.defaclobjtype, a.grantee
order by d.oid
