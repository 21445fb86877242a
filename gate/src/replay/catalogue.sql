-- Every object that is not PostgreSQL's own (those have smaller numbers than 16384), its definition, privileges and
-- comment. What an extension brought counts as the extension.
with members as (
    select objid
    from pg_depend
    where deptype = 'e'
)

select format('extension %s %s', extname, extversion)
from pg_extension
where oid >= 16384
union all
select format('schema %s %s', nspname, privileges.list)
from pg_namespace,
    lateral (
        select array_agg(a::text order by a::text) as list
        from unnest(coalesce(nspacl, acldefault('n', nspowner))) as a
    ) as privileges
where oid >= 16384 or nspname = 'public'
union all
select format(
        'relation %s %s persistence %s rls %s %s options %s privileges %s: %s', relkind, oid::regclass, relpersistence,
        relrowsecurity, relforcerowsecurity, reloptions, privileges.list,
        case when relkind in ('v', 'm') then pg_get_viewdef(oid) end
    )
from pg_class,
    lateral (
        select array_agg(a::text order by a::text) as list
        from unnest(coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))) as a
    ) as privileges
where oid >= 16384 and relkind <> 'i' and relnamespace <> 'pg_toast'::regnamespace and oid not in (table members)
union all
select format(
        'column %s.%s %s collation %s not null %s default %s generated %s identity %s privileges %s',
        attrelid::regclass, attname, format_type(atttypid, atttypmod), attcollation, attnotnull,
        pg_get_expr(adbin, adrelid), attgenerated, attidentity, attacl
    )
from pg_attribute
join pg_class as c on c.oid = attrelid
left join pg_attrdef on adrelid = attrelid and adnum = attnum
where attrelid >= 16384 and relkind in ('r', 'p', 'v', 'm', 'f', 'c') and attnum > 0 and not attisdropped
    and attrelid not in (table members)
union all
select format(
        'constraint %s on %s validated %s deferrable %s %s: %s', conname, conrelid::regclass, convalidated,
        condeferrable, condeferred, pg_get_constraintdef(oid)
    )
from pg_constraint
where oid >= 16384
union all
select format('index valid %s: %s', indisvalid, pg_get_indexdef(indexrelid))
from pg_index
join pg_class as c on c.oid = indrelid
where indrelid >= 16384 and relnamespace <> 'pg_toast'::regnamespace
union all
select format('trigger enabled %s: %s', tgenabled, pg_get_triggerdef(oid))
from pg_trigger
where not tgisinternal
union all
select format(
        'policy %s on %s for %s permissive %s to %s using %s check %s', polname, polrelid::regclass, polcmd,
        polpermissive, polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
    )
from pg_policy
union all
select format('function %s privileges %s: %s', p.oid::regprocedure, privileges.list, pg_get_functiondef(p.oid))
from pg_proc as p,
    lateral (
        select array_agg(a::text order by a::text) as list
        from unnest(coalesce(proacl, acldefault('f', proowner))) as a
    ) as privileges
where p.oid >= 16384 and prokind in ('f', 'p') and p.oid not in (table members)
union all
select format(
        'type %s %s: %s', typtype, oid::regtype,
        (select array_agg(enumlabel::text order by enumsortorder) from pg_enum where enumtypid = t.oid)
    )
from pg_type as t
where oid >= 16384 and typtype in ('d', 'e', 'r') and oid not in (table members)
union all
select format('comment on %s: %s', pg_describe_object(classoid, objoid, objsubid), description)
from pg_description
where objoid >= 16384 and objoid not in (table members)
