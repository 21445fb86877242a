with owned (name, owner) as (
    select name, relowner from our_relations
    union all
    select name, proowner from our_functions
    union all
    select t.oid::regtype::text, t.typowner
    from pg_type as t
    where t.typtype in ('e', 'd') and t.typnamespace in (select oid from our_schemas)
        and not exists (select from pg_depend where classid = 'pg_type'::regclass and objid = t.oid and deptype = 'e')
    union all
    -- The schema public belongs to the owner of the database.
    select format('schema %s', nspname), nspowner from our_schemas where nspname <> 'public'
)

select owned.name, format('is owned by %s', pg_get_userbyid(owned.owner)), null
from owned
join pg_class as first on first.oid = to_regclass('organizations')
where owned.owner <> first.relowner
order by owned.name
