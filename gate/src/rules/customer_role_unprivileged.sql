-- A single-tenant deployment may set app.organization_id on its database; a migration never does. The attribute LOGIN
-- is checked only if a migration created the role.
select 'customer', fault, null
from pg_roles as r
cross join lateral (
    select attribute.fault
    from (
        values (r.rolsuper, 'is a superuser'),
            (r.rolbypassrls, 'bypasses row security'),
            (r.rolcreatedb, 'may create databases'),
            (r.rolcreaterole, 'may create roles'),
            (r.rolreplication, 'may replicate'),
            (
                r.rolcanlogin
                and shobj_description(r.oid, 'pg_authid') like '%created by the migration create_functions',
                'can log in, so that all customers share one password'
            )
    ) as attribute (holds, fault)
    where attribute.holds
    union all
    select format('is a member of %s', m.roleid::regrole) from pg_auth_members as m where m.member = r.oid
    union all
    select format('has the member %s, which bypasses row security', m.member::regrole)
    from pg_auth_members as m
    join pg_roles as other on other.oid = m.member
    where m.roleid = r.oid and other.rolbypassrls and not other.rolsuper
    union all
    select format('has the setting %s', unnest(s.setconfig)) from pg_db_role_setting as s where s.setrole = r.oid
) as faults
where r.rolname = 'customer'
union all
select 'database', format('has the setting %s', setting), null
from pg_db_role_setting as s
cross join unnest(s.setconfig) as setting
where s.setrole = 0 and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
    and setting ~ '^(app\.|row_security|session_replication_role|role=)'
order by 1, 2
