-- pg_temp is searched first unless search_path names it elsewhere. Customers execute two such functions: they bind and
-- verify the tenant, for which no tenant can be bound yet.
select name, problem, null
from (
    select f.name,
        concat_ws(
            ', ',
            case when f.proleakproof then 'is leakproof, so that it can be called with rows hidden by policies' end,
            case when f.prosecdef and not exists (
                select
                from unnest(f.proconfig) as setting
                where setting ~ '^search_path=(("[^"]*"|[^", ]+), *)*("pg_temp"|pg_temp)$'
            ) then 'is security definer without a search_path that ends in pg_temp' end,
            case when f.prosecdef
                and coalesce(obj_description(f.oid, 'pg_proc'), '') !~* 'security definer because \w+'
                then 'is security definer without a reason in its comment'
            end,
            case when f.prosecdef and f.name not in ('bind_actor(uuid,uuid,text)', 'bound_context()') and exists (
                select
                from aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) as a
                where a.grantee in (0, to_regrole('customer')) and a.privilege_type = 'EXECUTE'
            ) then 'is security definer and executable by customer' end
        ) as problem
    from our_functions as f
) as judged
where problem <> ''
order by name
