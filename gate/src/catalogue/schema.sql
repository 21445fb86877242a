-- A migrated schema as one JSON document. Expressions are PostgreSQL's own, in its pretty form.
with tables as (
    select c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relowner, c.relacl
    from pg_class as c
    -- The ledger is SeaORM's.
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> 'seaql_migrations'
), routines as (
    select p.*
    from pg_proc as p
    where p.pronamespace = 'public'::regnamespace
        and p.prokind = 'f'
        and not exists (select from pg_depend as d where d.objid = p.oid and d.deptype = 'e')
        -- It stands for the extension, which the schema asks for.
        and p.oid is distinct from to_regprocedure('uuid_generate_v4()')
), grants as (
    select t.oid, null as attname, a.grantee, a.privilege_type, a.is_grantable
    from tables as t
    cross join aclexplode(t.relacl) as a
    where a.grantee <> t.relowner
    union all
    select t.oid, c.attname, a.grantee, a.privilege_type, a.is_grantable
    from tables as t
    join pg_attribute as c on c.attrelid = t.oid
    cross join aclexplode(c.attacl) as a
    where a.grantee <> t.relowner
), unknown as (
    select pg_describe_object('pg_class'::regclass, oid, 0) as what
    from pg_class
    where relnamespace = 'public'::regnamespace
        and (
            relkind not in ('r', 'i') or relpersistence <> 'p' or relispartition
            -- Options that begin with `pg_` are the server's own.
            or exists (select from unnest(reloptions) as o (text) where o.text !~ '^pg_')
        )
    union all
    select pg_describe_object('pg_type'::regclass, t.oid, 0)
    from pg_type as t
    where t.typnamespace = 'public'::regnamespace and t.typtype not in ('e', 'b', 'c', 'm')
    union all
    select pg_describe_object('pg_proc'::regclass, oid, 0)
    from pg_proc
    where pronamespace = 'public'::regnamespace and prokind <> 'f'
    union all
    select 'generated ' || pg_describe_object('pg_class'::regclass, attrelid, attnum)
    from pg_attribute
    where attrelid in (select oid from tables) and (attidentity <> '' or attgenerated <> '')
    union all
    select 'options of ' || pg_describe_object('pg_class'::regclass, attrelid, attnum)
    from pg_attribute
    where attrelid in (select oid from tables)
        and exists (select from unnest(attoptions) as o (text) where o.text !~ '^pg_')
    union all
    select pg_describe_object('pg_constraint'::regclass, oid, 0)
    from pg_constraint
    where conrelid in (select oid from tables) and contype in ('x', 't')
    union all
    select pg_describe_object('pg_statistic_ext'::regclass, oid, 0)
    from pg_statistic_ext
    union all
    select pg_describe_object('pg_rewrite'::regclass, oid, 0)
    from pg_rewrite
    where ev_class in (select oid from tables)
    union all
    select pg_describe_object('pg_class'::regclass, inhrelid, 0) || ' as a child'
    from pg_inherits
    where inhrelid in (select oid from tables)
    union all
    select pg_describe_object('pg_namespace'::regclass, oid, 0)
    from pg_namespace
    where nspname !~ '^pg_' and nspname not in ('public', 'information_schema')
)

select json_build_object(
    'enums', (
        select coalesce(json_agg(json_build_object(
            'name', quote_ident(t.typname),
            'values', (
                select json_agg(e.enumlabel order by e.enumsortorder)
                from pg_enum as e
                where e.enumtypid = t.oid
            )
        ) order by t.typname), '[]')
        from pg_type as t
        where t.typnamespace = 'public'::regnamespace and t.typtype = 'e'
    ),
    'functions', (
        select coalesce(json_agg(json_build_object(
            'name', quote_ident(p.proname),
            'arguments', pg_get_function_arguments(p.oid),
            'signature', p.oid::regprocedure::text,
            'result', pg_get_function_result(p.oid),
            'language', l.lanname,
            'volatility', p.provolatile,
            'parallel', p.proparallel,
            'strict', p.proisstrict,
            'leakproof', p.proleakproof,
            'definer', p.prosecdef,
            'settings', coalesce(to_json(p.proconfig), '[]'),
            'source', p.prosrc,
            'sql', pg_get_function_sqlbody(p.oid),
            'public', p.proacl is null
            or exists (select from aclexplode(p.proacl) as a where a.grantee = 0),
            'roles', (
                select coalesce(json_agg(a.grantee::regrole::text order by a.grantee::regrole::text), '[]')
                from aclexplode(p.proacl) as a
                where a.grantee not in (0, p.proowner)
            )
        ) order by p.proname, p.oid::regprocedure::text), '[]')
        from routines as p
        join pg_language as l on l.oid = p.prolang
    ),
    'tables', (
        select coalesce(json_agg(json_build_object(
            'name', quote_ident(t.relname),
            'comment', obj_description(t.oid, 'pg_class'),
            'security', t.relrowsecurity,
            'forced', t.relforcerowsecurity,
            'columns', (
                select coalesce(json_agg(json_build_object(
                    'name', quote_ident(a.attname),
                    'type', format_type(a.atttypid, a.atttypmod),
                    'collation', case
                        when a.attcollation <> y.typcollation then a.attcollation::regcollation::text
                    end,
                    'not_null', a.attnotnull,
                    'default', pg_get_expr(d.adbin, d.adrelid, true),
                    'comment', col_description(t.oid, a.attnum)
                ) order by a.attnum), '[]')
                from pg_attribute as a
                join pg_type as y on y.oid = a.atttypid
                left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
                where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
            ),
            'constraints', (
                select coalesce(json_agg(json_build_object(
                    'name', quote_ident(c.conname),
                    'kind', c.contype,
                    'definition', pg_get_constraintdef(c.oid, true),
                    'columns', (
                        select json_agg(quote_ident(a.attname) order by k.place)
                        from unnest(c.conkey) with ordinality as k (attnum, place)
                        join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.attnum
                    ),
                    'refers_to', (select quote_ident(relname) from pg_class where oid = c.confrelid),
                    'referred', (
                        select coalesce(json_agg(quote_ident(a.attname) order by k.place), '[]')
                        from unnest(c.confkey) with ordinality as k (attnum, place)
                        join pg_attribute as a on a.attrelid = c.confrelid and a.attnum = k.attnum
                    ),
                    'on_delete', c.confdeltype,
                    'set_on_delete', (
                        select coalesce(json_agg(quote_ident(a.attname) order by k.place), '[]')
                        from unnest(c.confdelsetcols) with ordinality as k (attnum, place)
                        join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.attnum
                    )
                -- The primary key first, then by name.
                ) order by c.contype <> 'p', c.conname), '[]')
                from pg_constraint as c
                where c.conrelid = t.oid and c.contype in ('p', 'u', 'c', 'f')
            ),
            'indexes', (
                select coalesce(json_agg(json_build_object(
                    'name', quote_ident(x.relname),
                    'definition', pg_get_indexdef(i.indexrelid, 0, true),
                    'columns', (
                        select json_agg(pg_get_indexdef(i.indexrelid, k, true) order by k)
                        from generate_series(1, i.indnkeyatts) as k
                    ),
                    'unique', i.indisunique,
                    'condition', pg_get_expr(i.indpred, i.indrelid, true)
                ) order by x.relname), '[]')
                from pg_index as i
                join pg_class as x on x.oid = i.indexrelid
                where i.indrelid = t.oid
                    and not exists (
                        select from pg_constraint as c
                        where c.conindid = i.indexrelid and c.contype in ('p', 'u')
                    )
            ),
            'triggers', (
                select coalesce(json_agg(json_build_object(
                    'name', quote_ident(g.tgname),
                    'definition', pg_get_triggerdef(g.oid, true),
                    'enabled', case g.tgenabled
                        when 'O' then ''
                        when 'D' then 'disable'
                        when 'R' then 'enable replica'
                        else 'enable always'
                    end
                ) order by g.tgname), '[]')
                from pg_trigger as g
                where g.tgrelid = t.oid and not g.tgisinternal
            ),
            'policies', (
                select coalesce(json_agg(json_build_object(
                    'name', quote_ident(o.polname),
                    'permissive', o.polpermissive,
                    'command', o.polcmd,
                    'roles', (
                        select json_agg(case r when 0 then 'public' else r::regrole::text end order by r::regrole::text)
                        from unnest(o.polroles) as r
                    ),
                    'using', pg_get_expr(o.polqual, o.polrelid, true),
                    'check', pg_get_expr(o.polwithcheck, o.polrelid, true)
                ) order by o.polname), '[]')
                from pg_policy as o
                where o.polrelid = t.oid
            ),
            'grants', (
                select coalesce(json_agg(json_build_object(
                    'role', case g.grantee when 0 then 'public' else g.grantee::regrole::text end,
                    'privilege', lower(g.privilege_type),
                    'grantable', g.is_grantable,
                    'column', quote_ident(g.attname)
                -- As they are usually said: first what may be read.
                ) order by g.grantee::regrole::text, g.is_grantable,
                array_position(array['SELECT', 'INSERT', 'UPDATE', 'DELETE'], g.privilege_type),
                g.privilege_type, g.attname is not null,
                (select attnum from pg_attribute as a where a.attrelid = t.oid and a.attname = g.attname)), '[]')
                from grants as g
                where g.oid = t.oid
            )
        ) order by t.relname), '[]')
        from tables as t
    ),
    'comments', (
        -- Of anything that has a name here: `table contacts`, `column contacts.email`.
        select coalesce(json_agg(json_build_object(
            'on', regexp_replace(
                regexp_replace(o.type, '^table ', '') || ' ' || o.identity, '\mpublic\.', '', 'g'
            ),
            'is', d.description
        ) order by o.type, o.identity), '[]')
        from pg_description as d
        cross join pg_identify_object(d.classoid, d.objoid, d.objsubid) as o
        where o.identity ~ '\mpublic\.'
            and not (d.classoid = 'pg_class'::regclass and d.objoid in (select oid from tables))
            and d.objoid is distinct from to_regprocedure('uuid_generate_v4()')
            and not exists (select from pg_depend as e where e.objid = d.objoid and e.deptype = 'e')
    ),
    'unknown', (select coalesce(json_agg(what order by what), '[]') from unknown)
)::text
