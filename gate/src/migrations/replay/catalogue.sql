-- Every object that is not PostgreSQL's own (those have smaller numbers than 16384), its definition, privileges and
-- comment, to the letter: the drift's query, catalogue.sql, forgives what a live database may have of its own. What an
-- extension brought counts as the extension. Roles are left out: they belong to the whole server; so are options that
-- begin with `pg_`, which the server sets (catalogue.sql).
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
        'relation %s %s owner %s persistence %s replica identity %s rls %s %s options %s privileges %s: %s', relkind, oid::regclass,
        relowner::regrole, relpersistence, relreplident, relrowsecurity, relforcerowsecurity,
        array(select o from unnest(reloptions) as o where o !~ '^pg_' order by o), privileges.list,
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
        'column %s.%s %s collation %s storage %s statistics %s options %s not null %s default %s generated %s identity %s privileges %s',
        attrelid::regclass, attname, format_type(atttypid, atttypmod), attcollation, attstorage,
        attstattarget, array(select o from unnest(attoptions) as o where o !~ '^pg_' order by o), attnotnull,
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
select format('rule enabled %s: %s', ev_enabled, pg_get_ruledef(oid))
from pg_rewrite
where oid >= 16384 and rulename <> '_RETURN'
union all
select format('statistics: %s', pg_get_statisticsobjdef(oid))
from pg_statistic_ext
union all
select format('event trigger %s on %s enabled %s: %s', evtname, evtevent, evtenabled, evtfoid::regproc)
from pg_event_trigger
union all
select format(
        'publication %s all tables %s tables %s schemas %s for %s %s %s %s', pubname, puballtables,
        (select array_agg(prrelid::regclass::text order by prrelid) from pg_publication_rel where prpubid = p.oid),
        (select array_agg(pnnspid::regnamespace order by pnnspid) from pg_publication_namespace where pnpubid = p.oid),
        pubinsert, pubupdate, pubdelete, pubtruncate
    )
from pg_publication as p
union all
select format(
        'default privileges of %s in %s for %s: %s', defaclrole::regrole, nullif(defaclnamespace, 0)::regnamespace,
        defaclobjtype, defaclacl
    )
from pg_default_acl
union all
select format(
        'function %s owner %s privileges %s: %s', p.oid::regprocedure, proowner::regrole, privileges.list,
        pg_get_functiondef(p.oid)
    )
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
