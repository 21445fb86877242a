-- The objects that the rules check: those of every schema that belong neither to PostgreSQL nor to an extension. Each
-- connection of the gate creates these views; they are temporary.

-- Compiling a query takes longer than any of them.
set jit = off;

create temp view our_schemas as
select oid, nspname, nspowner, nspacl
from pg_namespace
where nspname !~ '^pg_' and nspname <> 'information_schema'
    and not exists (
        select from pg_depend where classid = 'pg_namespace'::regclass and objid = pg_namespace.oid and deptype = 'e'
    );

-- Tables, views, sequences and the like, without indexes. The ledger of SeaORM is not a table of the schema, but its
-- privileges are checked; it is identified by its name and its columns, so that no other table passes for it.
create temp view our_relations as
select c.*, c.oid::regclass::text as name,
    c.relkind in ('r', 'p') and c.relname = 'seaql_migrations' and (
        select array_agg(attname::text order by attnum) from pg_attribute where attrelid = c.oid and attnum > 0
    ) = '{version,applied_at,ddl_digest,duration_ms}' as is_ledger,
    -- The owner alone reads it.
    c.relname in ('audit_seals', 'retention_runs', 'signing_keys') as is_secret
from pg_class as c
where c.relkind not in ('i', 'I', 't', 'c') and c.relnamespace in (select oid from our_schemas)
    and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = c.oid and deptype = 'e');

-- The privileges on relations, and on their columns; name is that of the column, if there is one.
create temp view our_grants as
select r.oid as table_oid, r.name as table_name, r.relkind, r.relowner, r.is_ledger or r.relispartition as is_internal,
    null::name as attname, r.name, a.grantee, a.privilege_type, a.is_grantable
from our_relations as r
cross join aclexplode(r.relacl) as a
union all
select r.oid, r.name, r.relkind, r.relowner, r.is_ledger or r.relispartition,
    c.attname, format('%s.%s', r.name, c.attname), a.grantee, a.privilege_type, a.is_grantable
from our_relations as r
join pg_attribute as c on c.attrelid = r.oid
cross join aclexplode(c.attacl) as a;

-- A partition takes its columns, keys and trigger from its table: it is not judged for them again.
create temp view our_tables as
-- Audit entries outlive their tenant.
select *, name not in ('organizations', 'users', 'audit_log_entries') and not is_secret as is_tenant
from our_relations
where relkind in ('r', 'p') and not relispartition and not is_ledger;

create temp view our_columns as
select t.oid as table_oid, t.name as table_name, t.relname, a.attname, a.attnum, a.atttypid, a.attnotnull,
    format('%s.%s', t.name, a.attname) as name,
    -- The base type of a domain, or the element type of an array.
    case when base.typtype = 'd' then base.typbasetype when base.typcategory = 'A' then base.typelem else base.oid end
        as type_oid,
    format_type(a.atttypid, a.atttypmod) as type_name,
    pg_get_expr(d.adbin, d.adrelid) as default_text,
    -- Identity is not a default.
    a.attidentity
from our_tables as t
join pg_attribute as a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
join pg_type as base on base.oid = a.atttypid
left join pg_attrdef as d on d.adrelid = t.oid and d.adnum = a.attnum;

create temp view our_keys as
select k.*, k.conrelid::regclass::text as table_name, k.confrelid::regclass::text as referred_name,
    format('%s.%s', t.name, k.conname) as name
from pg_constraint as k
join our_tables as t on t.oid = k.conrelid
where k.contype = 'f' and k.conparentid = 0;

create temp view our_functions as
select p.*, p.oid::regprocedure::text as name
from pg_proc as p
where p.pronamespace in (select oid from our_schemas)
    and not exists (select from pg_depend where classid = 'pg_proc'::regclass and objid = p.oid and deptype = 'e');

-- Conditions as PostgreSQL writes them back, on one line.
create temp view our_policies as
select p.*, format('%s.%s', r.name, p.polname) as name, r.name as table_name, r.relispartition,
    regexp_replace(pg_get_expr(p.polqual, p.polrelid), '\s+', ' ', 'g') as using_text,
    regexp_replace(pg_get_expr(p.polwithcheck, p.polrelid), '\s+', ' ', 'g') as check_text
from pg_policy as p
join our_relations as r on r.oid = p.polrelid;
