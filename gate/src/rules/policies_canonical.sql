-- The subquery is evaluated once per statement. The function fails if no tenant is bound. The texts are those that
-- PostgreSQL stores.
with bound (organization, user_id) as (
    values (
        '( SELECT bound_organization_id() AS bound_organization_id)',
        '( SELECT bound_user_id() AS bound_user_id)'
    )
),

forms (table_oid, cmd, using_text, check_text) as (
    -- Rows of a tenant, and memberships in it. A partition has this policy or none.
    select r.oid, '*', format('(organization_id = %s)', organization), format('(organization_id = %s)', organization)
    from bound, our_relations as r
    where r.relkind in ('r', 'p') and not r.is_ledger and not r.is_secret and r.name not in ('organizations', 'users')
    union all
    -- The tenant itself.
    select to_regclass('organizations'), '*', format('(id = %s)', organization), format('(id = %s)', organization)
    from bound
    union all
    -- A user updates its own row, with a tenant bound.
    select to_regclass('users'), 'w', own, own
    from bound, format('((%s IS NOT NULL) AND (id = %s))', organization, user_id) as own
    union all
    -- A user selects its own row and the members of the bound tenant.
    select to_regclass('users'), 'r', format(
            '((%s IS NOT NULL) AND ((id = %s) OR (EXISTS ( SELECT '
            'FROM user_organizations m WHERE ((m.user_id = users.id) AND (m.organization_id = %1$s))))))',
            organization, user_id
        ), null
    from bound
),

judged as (
    select coalesce(f.table_oid, p.polrelid) as table_oid, f.cmd as expected, p.oid as policy, p.name,
        case
            when f.cmd is null or p.using_text is distinct from f.using_text
                or p.check_text is distinct from f.check_text then format(
                'is not a policy of this kind of table: for %s using %s with check %s',
                case p.cmd
                    when 'r' then 'select'
                    when 'a' then 'insert'
                    when 'w' then 'update'
                    when 'd' then 'delete'
                    else 'all'
                end,
                coalesce(p.using_text, 'nothing'), coalesce(p.check_text, 'nothing')
            )
        end as problem
    from forms as f
    full join (
        select *, polcmd::text as cmd from our_policies where polpermissive
    ) as p on p.polrelid = f.table_oid and p.cmd = f.cmd
)

select name, problem, null
from judged
where policy is not null and problem is not null
union all
select name, 'is an additional permissive policy, which widens access', null
from (
    select *, row_number() over (partition by table_oid, expected order by policy) as n
    from judged
    where problem is null
) as numbered
where policy is not null and n > 1
union all
select r.name, case judged.expected
        when '*' then 'has no policy'
        when 'r' then 'has no policy for select'
        else 'has no policy for update'
    end, null
from judged
join our_relations as r on r.oid = judged.table_oid
where judged.policy is null and not r.relispartition
    and not exists (select from our_policies as p where p.polrelid = r.oid and p.polpermissive and r.name <> 'users')
order by 1
