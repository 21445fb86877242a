-- policies_canonical checks permissive policies. The stored expression tree contains the oid of each function, also in
-- subqueries.
with calls as (
    select p.name, f.oid, f.oid::regprocedure::text as function,
        case
            when f.oid >= 16384
                and f.oid not in (
                    to_regproc('current_user_id')::oid, to_regproc('current_organization_id')::oid,
                    to_regproc('bound_user_id')::oid, to_regproc('bound_organization_id')::oid
                )
                then 'which is not built in'
            when f.provolatile = 'v' then 'which is volatile'
            when f.oid = 'current_setting(text, boolean)'::regprocedure then 'which returns null if no tenant is bound'
            when f.proname in ('current_setting', 'bound_user_id', 'bound_organization_id')
                and concat(p.using_text, ' ', p.check_text) ~ format('(?<!SELECT )(?<!SELECT \()%s\(', f.proname)
                then 'for each row, since it is not in a subquery'
        end as fault
    from our_policies as p
    cross join regexp_matches(concat(p.polqual, p.polwithcheck), ':(?:op)?funcid (\d+)', 'g') as call
    join pg_proc as f on f.oid = call[1]::oid
    where not p.polpermissive
)

select name, format('calls %s', string_agg(distinct function || ', ' || fault, '; ')), null
from calls
where fault is not null
group by name
order by name
