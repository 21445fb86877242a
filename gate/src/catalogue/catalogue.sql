-- Every object of the database that a migration could have created, as one row: its name, the names of the objects that
-- contain it and that it depends on, its facets, and its position among the columns of a table. $1: whether PostgreSQL
-- prints expressions in its pretty form.
--
-- Names and texts are the same on every server if search_path is empty: then PostgreSQL qualifies every name with its
-- schema. Left out is what belongs to an extension, to the server's version, or to whichever role owns the tables, and
-- options that begin with `pg_`: PostgreSQL reserves the prefix, and 15.20 keeps a counter of its own there
-- (`attoptions` of every column: `pg_attver`, another number for each creation), which no administrator can set.
with action (code, name) as (
    values ('a'::"char", 'no action'), ('r', 'restrict'), ('c', 'cascade'), ('n', 'set null'), -- noqa: RF06
        ('d', 'set default')
),

owner as (
    -- The owner of most tables.
    select coalesce(mode() within group (order by c.relowner), 0) as oid
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname !~ '^(pg_|information_schema$)'
),

setting as (
    select s.setrole, s.setdatabase, x.name,
        -- A setting of an application may be a secret: its digest is compared.
        case
            when x.name like '%.%' and x.name not like 'citus.%'
                then 'digest ' || left(encode(sha256(convert_to(x.value, 'UTF8')), 'hex'), 8)
            else x.value
        end as value
    from pg_db_role_setting as s
    cross join unnest(s.setconfig) as k (text)
    cross join lateral (
        select split_part(k.text, '=', 1) as name, substr(k.text, strpos(k.text, '=') + 1) as value
    ) as x
    -- A single-tenant deployment sets its organization there.
    where x.name <> 'app.organization_id'
        and s.setdatabase in (0, (select d.oid from pg_database as d where d.datname = current_database()))
),

schema as (
    select n.oid, n.nspname, n.nspowner, n.nspacl,
        case n.nspname when 'public' then '' else quote_ident(n.nspname) || '.' end as prefix
    from pg_namespace as n
    where n.nspname !~ '^(pg_|information_schema$)'
),

extended as (
    select d.classid, d.objid
    from pg_depend as d
    where d.deptype = 'e'
),

role as (
    select r.oid, case when r.oid = owner.oid then 'the owner' else r.rolname end as name
    from pg_roles as r
    cross join owner
    union all
    select 0, 'public'
),

relation as (
    select c.*, t.kind,
        s.prefix || quote_ident(c.relname) as name,
        t.kind || ' ' || s.prefix || quote_ident(c.relname) as identity
    from pg_class as c
    join schema as s on s.oid = c.relnamespace
    join (
        values ('r', 'table'), ('p', 'table'), ('v', 'view'), ('m', 'materialized view'), ('f', 'foreign table'),
        ('S', 'sequence'), ('i', 'index'), ('I', 'index')
    ) as t (relkind, kind) on t.relkind::"char" = c.relkind -- noqa: RF06
    where ('pg_class'::regclass, c.oid) not in (select e.classid, e.objid from extended as e)
        -- The migrator's, while a backfill is not complete; by its columns, so that no other table passes for it.
        and not (
            c.relname = 'backfill_progress' and c.relkind = 'r' and (
                select array_agg(a.attname::text order by a.attnum)
                from pg_attribute as a
                where a.attrelid = c.oid and a.attnum > 0
            ) = '{migration,last_id,rows_done,updated_at}'
        )
),

attribute as (
    select a.*, r.name || '.' || quote_ident(a.attname) as name
    from pg_attribute as a
    join relation as r on r.oid = a.attrelid
    where r.kind in ('table', 'foreign table', 'view', 'materialized view') and a.attnum > 0 and not a.attisdropped
),

type as (
    select t.*,
        case t.typtype when 'e' then 'enum' when 'd' then 'domain' else 'type' end
        || ' ' || s.prefix || quote_ident(t.typname) as identity
    from pg_type as t
    join schema as s on s.oid = t.typnamespace
    left join pg_class as c on c.oid = t.typrelid
    where (t.typtype in ('e', 'd', 'r') or c.relkind = 'c')
        and ('pg_type'::regclass, t.oid) not in (select e.classid, e.objid from extended as e)
),

routine as (
    select p.*,
        format('function %s%I(%s)', s.prefix, p.proname, pg_get_function_identity_arguments(p.oid)) as identity
    from pg_proc as p
    join schema as s on s.oid = p.pronamespace
    where ('pg_proc'::regclass, p.oid) not in (select e.classid, e.objid from extended as e)
),

-- Whose privileges the migrations and the defaults of PostgreSQL may grant.
acl (classid, objid, objsubid, identity, owner, items) as (
    select 'pg_class'::regclass, r.oid, 0, r.identity, r.relowner,
        coalesce(r.relacl, acldefault(case r.relkind when 'S' then 's' else 'r' end::"char", r.relowner)) -- noqa: RF06
    from relation as r
    where r.kind <> 'index'
    union all
    select 'pg_class'::regclass, a.attrelid, a.attnum, 'column ' || a.name, r.relowner, a.attacl
    from attribute as a
    join relation as r on r.oid = a.attrelid
    union all
    select 'pg_proc'::regclass, p.oid, 0, p.identity, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
    from routine as p
    where p.identity <> 'function uuid_generate_v4()'
    union all
    select 'pg_type'::regclass, t.oid, 0, t.identity, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner))
    from type as t
    union all
    select 'pg_namespace'::regclass, s.oid, 0, 'schema ' || s.nspname, s.nspowner,
        coalesce(s.nspacl, acldefault('n', s.nspowner))
    from schema as s
    union all
    -- CONNECT is granted by the operator; CREATE is not.
    select 'pg_database'::regclass, d.oid, 0, 'the database', d.datdba,
        (
            select array_agg(makeaclitem(i.grantee, i.grantor, i.privilege_type, i.is_grantable))
            from aclexplode(d.datacl) as i
            where i.privilege_type = 'CREATE' and i.grantee not in (d.datdba, owner.oid)
        )
    from pg_database as d
    cross join owner
    where d.datname = current_database()
),

granted as (
    select acl.classid, acl.objid, acl.objsubid, acl.identity,
        case when i.grantee = acl.owner then 'the owner' else g.name end as grantee,
        i.privilege_type, bool_or(i.is_grantable and i.grantee <> acl.owner) as grantable
    from acl
    cross join lateral aclexplode(acl.items) as i
    join role as g on g.oid = i.grantee
    where not (
        -- Whoever checks a database reads the ledger; since PostgreSQL 17 an owner may also MAINTAIN.
        (acl.identity = 'table seaql_migrations' and i.privilege_type = 'SELECT' and i.grantee <> acl.owner)
        or (i.privilege_type = 'MAINTAIN' and i.grantee = acl.owner)
    )
    group by acl.classid, acl.objid, acl.objsubid, acl.identity, 5, i.privilege_type
    union
    -- The operator revokes it with the first signing key, and grants it again without one.
    select acl.classid, acl.objid, acl.objsubid, acl.identity, g.name, 'EXECUTE', false
    from acl
    join role as g on g.oid = to_regrole('customer')
    where acl.identity = 'function accepts_unsigned_actors()'
),

object (classid, objid, objsubid, identity, whole, facets) as (
    select 'pg_namespace'::regclass::oid, s.oid, 0, 'schema ' || s.nspname, null::text[],
        jsonb_build_object(
            'comment', case s.nspname when 'public' then null else obj_description(s.oid, 'pg_namespace') end
        )
    from schema as s

    union all
    select 'pg_class'::regclass, r.oid, 0, r.identity, null,
        jsonb_build_object(
            'owner', o.name,
            'row level security', case r.kind when 'table' then r.relrowsecurity end,
            'forced on the owner', case r.kind when 'table' then r.relforcerowsecurity end,
            'persistence', case r.relpersistence when 'p' then 'permanent' else 'unlogged' end,
            'options', (
                select string_agg(o.text, ', ' order by o.text)
                from unnest(r.reloptions) as o (text)
                where o.text !~ '^pg_'
            ),
            'access method', m.amname,
            'replica identity', case
                when r.kind <> 'table' then null
                when r.relreplident = 'i'
                    then (
                        select i.indexrelid::regclass::text
                        from pg_index as i
                        where i.indrelid = r.oid and i.indisreplident
                    )
                else case r.relreplident when 'd' then 'default' when 'f' then 'full' else 'nothing' end
            end,
            'parents', (
                select string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno)
                from pg_inherits as i
                where i.inhrelid = r.oid
            ),
            'partition', pg_get_expr(r.relpartbound, r.oid),
            'partitioned by', case r.relkind when 'p' then pg_get_partkeydef(r.oid) end,
            'definition', case when r.kind in ('view', 'materialized view') then pg_get_viewdef(r.oid, $1) end,
            -- The comment of the ledger is the mark of production.
            'comment', case when r.relname <> 'seaql_migrations' then obj_description(r.oid, 'pg_class') end
        )
    from relation as r
    join role as o on o.oid = r.relowner
    left join pg_am as m on m.oid = r.relam
    where r.kind not in ('index', 'sequence')

    union all
    select 'pg_class'::regclass, r.oid, 0, r.identity, null,
        jsonb_build_object(
            'owner', o.name,
            'type', format_type(s.seqtypid, null),
            'start', s.seqstart,
            'increment', s.seqincrement,
            'minimum', s.seqmin,
            'maximum', s.seqmax,
            'cache', s.seqcache,
            'cycles', s.seqcycle,
            'comment', obj_description(r.oid, 'pg_class')
        )
    from relation as r
    join role as o on o.oid = r.relowner
    join pg_sequence as s on s.seqrelid = r.oid

    union all
    select 'pg_class'::regclass, a.attrelid, a.attnum, 'column ' || a.name,
        array[r.identity],
        jsonb_build_object(
            'type', format_type(a.atttypid, a.atttypmod),
            'nullable', not a.attnotnull,
            'default', case a.attgenerated
                when '' then regexp_replace(pg_get_expr(d.adbin, d.adrelid, $1), '^\w+\.(uuid_generate_v4\(\))$', '\1')
            end,
            'generated', case a.attgenerated
                when '' then null else a.attgenerated::text || ' ' || pg_get_expr(d.adbin, d.adrelid, $1)
            end,
            'identity', nullif(a.attidentity, ''),
            'collation', nullif(nullif(a.attcollation, t.typcollation), 0)::regcollation::text,
            'storage', nullif(a.attstorage, t.typstorage),
            'compression', nullif(a.attcompression, ''),
            'statistics', nullif(a.attstattarget, -1),
            'options', (
                select string_agg(o.text, ', ' order by o.text)
                from unnest(a.attoptions) as o (text)
                where o.text !~ '^pg_'
            ),
            'comment', col_description(a.attrelid, a.attnum)
        )
    from attribute as a
    join relation as r on r.oid = a.attrelid
    join pg_type as t on t.oid = a.atttypid
    left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where r.kind in ('table', 'foreign table')

    union all
    -- Since PostgreSQL 18, NOT NULL is a constraint as well; here it is the column's.
    select 'pg_constraint'::regclass, c.oid, 0,
        format('constraint %s on %s', quote_ident(c.conname), coalesce(r.name, t.identity)),
        null,
        jsonb_build_object(
            'kind', case c.contype
                when 'p' then 'primary key' when 'u' then 'unique' when 'f' then 'foreign key' when 'c' then 'check'
                when 'x' then 'exclusion' else c.contype::text
            end,
            'condition', case when c.contype not in ('p', 'u', 'f') then pg_get_constraintdef(c.oid, $1) end,
            'columns', (
                select jsonb_agg(quote_ident(a.attname) order by k.position)
                from unnest(case when c.contype in ('p', 'u', 'f') then c.conkey end)
                    with ordinality as k (attnum, position)
                join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.attnum
            ),
            'refers to', (
                select format(
                    '%s (%s)', c.confrelid::regclass, string_agg(quote_ident(a.attname), ', ' order by k.position)
                )
                from unnest(c.confkey) with ordinality as k (attnum, position)
                join pg_attribute as a on a.attrelid = c.confrelid and a.attnum = k.attnum
                having count(*) > 0
            ),
            'on delete', (select x.name from action as x where x.code = nullif(c.confdeltype, ' ')),
            'set on delete', (
                select jsonb_agg(quote_ident(a.attname) order by k.position)
                from unnest(c.confdelsetcols) with ordinality as k (attnum, position)
                join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.attnum
            ),
            'on update', (select x.name from action as x where x.code = nullif(c.confupdtype, ' ')),
            'match', nullif(nullif(c.confmatchtype, 's'), ' '),
            'nulls not distinct', nullif(i.indnullsnotdistinct, false),
            'included', nullif(i.indnatts - i.indnkeyatts, 0),
            'index', case when i.indexrelid is not null and not i.indisvalid then 'invalid' end,
            'options', (
                select string_agg(o.text, ', ' order by o.text)
                from unnest(ir.reloptions) as o (text)
                where o.text !~ '^pg_'
            ),
            'deferrable', case
                when c.condeferrable then case when c.condeferred then 'deferred' else 'immediate' end
            end,
            'validated', c.convalidated,
            -- Keys are enforced by triggers, which can be disabled.
            'enforced', (
                select coalesce(bool_and(g.tgenabled = 'O'), false)
                from pg_trigger as g
                where g.tgconstraint = c.oid and g.tgisinternal
                having c.contype = 'f'
            ),
            'comment', obj_description(c.oid, 'pg_constraint')
        )
    from pg_constraint as c
    left join relation as r on r.oid = c.conrelid
    left join type as t on t.oid = c.contypid
    left join pg_index as i on i.indexrelid = c.conindid and c.contype in ('p', 'u', 'x')
    left join pg_class as ir on ir.oid = i.indexrelid
    where (r.oid is not null or t.oid is not null) and c.contype not in ('n', 't')

    union all
    select 'pg_class'::regclass, r.oid, 0, r.identity || ' on ' || t.name, array[t.identity],
        jsonb_build_object(
            'definition', pg_get_indexdef(r.oid, 0, $1),
            'valid', i.indisvalid and i.indisready,
            'clustered', nullif(i.indisclustered, false),
            'comment', obj_description(r.oid, 'pg_class')
        )
    from relation as r
    join pg_index as i on i.indexrelid = r.oid
    join relation as t on t.oid = i.indrelid
    where not exists (
        select
        from pg_constraint as c
        where c.conindid = r.oid and c.contype in ('p', 'u', 'x')
    )

    union all
    select 'pg_statistic_ext'::regclass, e.oid, 0, 'statistics ' || s.prefix || quote_ident(e.stxname), null,
        jsonb_build_object('definition', pg_get_statisticsobjdef(e.oid))
    from pg_statistic_ext as e
    join schema as s on s.oid = e.stxnamespace

    union all
    select 'pg_type'::regclass, t.oid, 0, t.identity, null,
        jsonb_build_object(
            'owner', o.name,
            'values', (
                select jsonb_agg(e.enumlabel order by e.enumsortorder)
                from pg_enum as e
                where e.enumtypid = t.oid
            ),
            'type', case t.typtype when 'd' then format_type(t.typbasetype, t.typtypmod) end,
            'nullable', case t.typtype when 'd' then not t.typnotnull end,
            'default', t.typdefault,
            'attributes', (
                select string_agg(
                    quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum
                )
                from pg_attribute as a
                where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
            ),
            'range over', (select format_type(r.rngsubtype, null) from pg_range as r where r.rngtypid = t.oid),
            'comment', obj_description(t.oid, 'pg_type')
        )
    from type as t
    join role as o on o.oid = t.typowner

    union all
    select 'pg_proc'::regclass, p.oid, 0, p.identity, null,
        jsonb_build_object(
            'owner', o.name,
            'kind', case p.prokind when 'f' then null else p.prokind end,
            'arguments', pg_get_function_arguments(p.oid),
            'result', pg_get_function_result(p.oid),
            'language', l.lanname,
            'body', case when b.text is null then p.prosrc end,
            'sql body', b.text,
            'volatility', case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
            'parallel', case p.proparallel when 's' then 'safe' when 'r' then 'restricted' else 'unsafe' end,
            'security', case when p.prosecdef then 'definer' else 'invoker' end,
            'strict', p.proisstrict,
            'leakproof', p.proleakproof,
            'cost', p.procost,
            'rows', p.prorows,
            'settings', to_jsonb(p.proconfig),
            'comment', obj_description(p.oid, 'pg_proc')
        )
    from routine as p
    join role as o on o.oid = p.proowner
    join pg_language as l on l.oid = p.prolang
    cross join pg_get_function_sqlbody(p.oid) as b (text)
    where p.identity <> 'function uuid_generate_v4()'

    union all
    -- Random ids come from an extension or from our own function in its place: either is right.
    select 'pg_proc'::regclass, max(p.oid), 0, 'function uuid_generate_v4()', null,
        jsonb_build_object('body', coalesce(
            max(nullif(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc), 'RETURN gen_random_uuid()'))
            filter (where e.objid is null),
            'random'
        ))
    from pg_proc as p
    left join extended as e on e.classid = 'pg_proc'::regclass and e.objid = p.oid
    where p.proname = 'uuid_generate_v4' and p.pronargs = 0
    having count(*) > 0

    union all
    select 'pg_trigger'::regclass, g.oid, 0, format('trigger %s on %s', quote_ident(g.tgname), r.name), null,
        jsonb_build_object(
            'definition', pg_get_triggerdef(g.oid, $1),
            'fires', case g.tgenabled
                when 'O' then 'at the origin' when 'D' then 'never' when 'R' then 'on a replica' else 'always'
            end,
            'comment', obj_description(g.oid, 'pg_trigger')
        )
    from pg_trigger as g
    join relation as r on r.oid = g.tgrelid
    where not g.tgisinternal

    union all
    select 'pg_policy'::regclass, p.oid, 0, format('policy %s on %s', quote_ident(p.polname), r.name), null,
        jsonb_build_object(
            'command', case p.polcmd
                when '*' then 'all' when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' else 'delete'
            end,
            'permissive', p.polpermissive,
            'roles', (
                select jsonb_agg(o.name order by o.name)
                from unnest(p.polroles) as k (oid)
                join role as o on o.oid = k.oid
            ),
            'using', pg_get_expr(p.polqual, p.polrelid, $1),
            'with check', pg_get_expr(p.polwithcheck, p.polrelid, $1),
            'comment', obj_description(p.oid, 'pg_policy')
        )
    from pg_policy as p
    join relation as r on r.oid = p.polrelid

    union all
    select 'pg_rewrite'::regclass, w.oid, 0, format('rule %s on %s', quote_ident(w.rulename), r.name), null,
        jsonb_build_object('definition', pg_get_ruledef(w.oid, $1), 'enabled', w.ev_enabled = 'O')
    from pg_rewrite as w
    join relation as r on r.oid = w.ev_class
    where w.rulename <> '_RETURN'

    union all
    select 'pg_event_trigger'::regclass, e.oid, 0, 'event trigger ' || quote_ident(e.evtname), null,
        jsonb_build_object(
            'event', e.evtevent,
            'calls', e.evtfoid::regproc::text,
            'tags', array_to_string(e.evttags, ', '),
            'enabled', e.evtenabled <> 'D'
        )
    from pg_event_trigger as e

    union all
    -- It gives its subscribers rows that policies hide.
    select 'pg_publication'::regclass, p.oid, 0, 'publication ' || quote_ident(p.pubname), null,
        jsonb_build_object(
            'all tables', p.puballtables,
            'tables', (
                select string_agg(r.name, ', ' order by r.name)
                from pg_publication_rel as k
                join relation as r on r.oid = k.prrelid
                where k.prpubid = p.oid
            ),
            'schemas', (
                select string_agg(s.nspname, ', ' order by s.nspname)
                from pg_publication_namespace as k
                join schema as s on s.oid = k.pnnspid
                where k.pnpubid = p.oid
            ),
            'inserts', p.pubinsert, 'updates', p.pubupdate, 'deletes', p.pubdelete, 'truncates', p.pubtruncate
        )
    from pg_publication as p

    union all
    select 'pg_extension'::regclass, e.oid, 0, 'extension ' || quote_ident(e.extname), null, '{}'
    from pg_extension as e
    where e.extname <> 'uuid-ossp'

    union all
    select null, null, null, format('grants to %s on %s', g.grantee, g.identity),
        array[g.identity, 'role ' || g.grantee],
        jsonb_build_object(
            'privileges', jsonb_agg(
                lower(g.privilege_type) || case when g.grantable then ' with grant option' else '' end
                order by g.privilege_type
            )
        )
    from granted as g
    group by g.identity, g.grantee

    union all
    select null, null, null,
        format(
            'default privileges of %s on %s%s', o.name,
            case d.defaclobjtype
                when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types'
                else 'schemas'
            end,
            ' in schema ' || s.nspname
        ),
        case when s.oid is not null then array['schema ' || s.nspname] end,
        jsonb_build_object('privileges', (
            select string_agg(g.name || ' ' || lower(i.privilege_type), ', ' order by g.name, i.privilege_type)
            from aclexplode(d.defaclacl) as i
            join role as g on g.oid = i.grantee
            where i.grantee <> d.defaclrole
        ))
    from pg_default_acl as d
    join role as o on o.oid = d.defaclrole
    left join schema as s on s.oid = d.defaclnamespace

    union all
    -- A role belongs to the whole server: it counts where something of this database depends on it.
    select 'pg_authid'::regclass, r.oid, 0, 'role customer', null,
        jsonb_build_object(
            'superuser', r.rolsuper,
            'bypasses row level security', r.rolbypassrls,
            'creates roles', r.rolcreaterole,
            'creates databases', r.rolcreatedb,
            'inherits', r.rolinherit,
            'logs in', r.rolcanlogin,
            'replicates', r.rolreplication,
            'connection limit', nullif(r.rolconnlimit, -1),
            'member of', (
                select string_agg(g.rolname, ', ' order by g.rolname)
                from pg_auth_members as m
                join pg_roles as g on g.oid = m.roleid
                where m.member = r.oid
            ),
            'settings', (
                select string_agg(s.name || '=' || s.value, ', ' order by s.name, s.setdatabase)
                from setting as s
                where s.setrole = r.oid
            )
        )
    from pg_roles as r
    where r.rolname = 'customer'
        and exists (
            select
            from pg_shdepend as d
            where d.refclassid = 'pg_authid'::regclass and d.refobjid = r.oid
                and d.dbid = (select b.oid from pg_database as b where b.datname = current_database())
        )

    union all
    select null, null, null, 'setting ' || s.name || ' of the database', null, jsonb_build_object('value', s.value)
    from setting as s
    where s.setrole = 0 and s.setdatabase <> 0
),

dependency as (
    select d.classid, d.objid, d.objsubid, o.identity,
        -- Parts, which are dropped with the object that contains them.
        d.deptype in ('a', 'i', 'P', 'S') or d.refclassid = 'pg_namespace'::regclass as is_part
    from pg_depend as d
    join object as o on o.classid = d.refclassid and o.objid = d.refobjid and o.objsubid = d.refobjsubid
    union all
    -- A view depends on nothing by itself: its rule does.
    select 'pg_class'::regclass, w.ev_class, 0, o.identity, false
    from pg_rewrite as w
    join pg_depend as d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
    join object as o on o.classid = d.refclassid and o.objid = d.refobjid and o.objsubid = d.refobjsubid
    where w.rulename = '_RETURN' and d.refobjid <> w.ev_class
    union all
    -- A foreign key depends on the index of the key that it refers to.
    select 'pg_constraint'::regclass, f.oid, 0, o.identity, false
    from pg_constraint as f
    join pg_constraint as k on k.conindid = f.conindid and k.contype in ('p', 'u')
    join object as o on o.classid = 'pg_constraint'::regclass and o.objid = k.oid
    where f.contype = 'f'
)

select o.identity,
    coalesce(array_cat(o.whole, array_agg(d.identity) filter (where d.is_part)), '{}') as whole,
    coalesce(array_agg(d.identity) filter (where d.identity is not null), '{}') as needs,
    jsonb_strip_nulls(o.facets)::text as facets,
    coalesce(o.objsubid, 0) as position
from object as o
left join dependency as d
    on d.classid = o.classid and d.objid = o.objid and d.objsubid = o.objsubid and d.identity <> o.identity
group by o.identity, o.whole, o.facets, o.objsubid
order by o.identity
