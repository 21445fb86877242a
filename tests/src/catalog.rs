//! A database's catalogue as sorted lines of text, so that two states can be compared to the letter.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

/// Every object of the database, its definition, owner, privileges and comment, and the roles of the server.
pub async fn dump(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let backend = db.get_database_backend();
    let queries = if backend == DbBackend::Postgres { POSTGRES } else { SQLITE };
    let mut lines = Vec::new();
    for query in queries {
        for row in db.query_all_raw(Statement::from_string(backend, *query)).await? {
            let line: Option<String> = row.try_get_by_index(0)?;
            lines.push(line.unwrap_or_else(|| format!("null from {query}")));
        }
    }
    lines.sort();
    Ok(lines)
}

/// The lines that only one of two states has, each with the side it is on; empty when they are the same.
pub fn difference(before: &[String], after: &[String]) -> Vec<String> {
    let gone = before.iter().filter(|line| !after.contains(line)).map(|line| format!("- {line}"));
    let new = after.iter().filter(|line| !before.contains(line)).map(|line| format!("+ {line}"));
    gone.chain(new).collect()
}

const SQLITE: &[&str] =
    &["select type || ' ' || name || ' on ' || tbl_name || ': ' || coalesce(sql, '') from sqlite_schema"];

/// Each query returns one column of text. A column has its place among those that exist: the number of a dropped column
/// is not used again. What an extension brought with it counts as the extension. Options that begin
/// with `pg_` are the server's own (15.20 counts the changes of a column in `pg_attver`).
const POSTGRES: &[&str] = &[
    "select format('extension %s %s in %s: %s', extname, extversion, extnamespace::regnamespace,
                   obj_description(oid, 'pg_extension'))
     from pg_extension",
    "select format('schema %s owner %s: %s %s', nspname, nspowner::regrole,
                   (select array_agg(a order by a) from (
                        select grantee::regrole || ' ' || privilege_type || ' ' || is_grantable as a
                        from aclexplode(coalesce(nspacl, acldefault('n', nspowner)))) g),
                   obj_description(oid, 'pg_namespace'))
     from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'",
    "select format('relation %s %s.%s owner %s rls %s %s persistence %s options %s view %s: %s', relkind,
                   relnamespace::regnamespace, relname, relowner::regrole, relrowsecurity, relforcerowsecurity,
                   relpersistence, array(select o from unnest(reloptions) as o where o !~ '^pg_' order by o),
                   case when relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
                   obj_description(c.oid, 'pg_class'))
     from pg_class c
     where relnamespace::regnamespace::text !~ '^(pg_|information_schema)' and relkind <> 'i'
       and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')",
    "select format('column %s.%s #%s %s collation %s not null %s default %s generated %s identity %s storage %s options %s: %s',
                   attrelid::regclass, attname, row_number() over (partition by attrelid order by attnum),
                   format_type(atttypid, atttypmod),
                   nullif(attcollation, 0)::regcollation, attnotnull, pg_get_expr(adbin, adrelid), attgenerated,
                   attidentity, attstorage, array(select o from unnest(attoptions) as o where o !~ '^pg_' order by o),
                   col_description(attrelid, attnum))
     from pg_attribute a join pg_class c on c.oid = attrelid
          left join pg_attrdef on adrelid = attrelid and adnum = attnum
     where relnamespace::regnamespace::text !~ '^(pg_|information_schema)' and relkind in ('r', 'p', 'v', 'm')
       and attnum > 0 and not attisdropped",
    "select format('constraint %s on %s %s validated %s deferrable %s: %s %s', conname, conrelid::regclass, contype,
                   convalidated, condeferrable, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint'))
     from pg_constraint where connamespace::regnamespace::text !~ '^(pg_|information_schema)'",
    "select format('index %s valid %s ready %s clustered %s: %s', pg_get_indexdef(indexrelid), indisvalid, indisready,
                   indisclustered, obj_description(indexrelid, 'pg_class'))
     from pg_index join pg_class c on c.oid = indexrelid
     where relnamespace::regnamespace::text !~ '^(pg_|information_schema)'",
    "select format('type %s.%s %s owner %s values %s: %s', typnamespace::regnamespace, typname, typtype,
                   typowner::regrole,
                   (select array_agg(enumlabel::text order by enumsortorder) from pg_enum where enumtypid = t.oid),
                   obj_description(oid, 'pg_type'))
     from pg_type t
     where typnamespace::regnamespace::text !~ '^(pg_|information_schema)' and typelem = 0 and typrelid = 0
       and not exists (select from pg_depend d where d.objid = t.oid and d.deptype = 'e')",
    "select format('function %s owner %s %s: %s', oid::regprocedure, proowner::regrole,
                   (select array_agg(a order by a) from (
                        select grantee::regrole || ' ' || privilege_type || ' ' || is_grantable as a
                        from aclexplode(coalesce(proacl, acldefault('f', proowner)))) g),
                   pg_get_functiondef(oid) || coalesce(obj_description(oid, 'pg_proc'), ''))
     from pg_proc p
     where pronamespace::regnamespace::text !~ '^(pg_|information_schema)' and prokind in ('f', 'p')
       and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')",
    "select format('trigger %s enabled %s: %s', pg_get_triggerdef(oid), tgenabled, obj_description(oid, 'pg_trigger'))
     from pg_trigger where not tgisinternal",
    "select format('policy %s on %s %s permissive %s to %s using %s check %s: %s', polname, polrelid::regclass, polcmd,
                   polpermissive, (select array_agg(r::regrole::text order by r::regrole::text) from unnest(polroles) r),
                   pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid),
                   obj_description(oid, 'pg_policy'))
     from pg_policy",
    "select format('grant %s on %s to %s by %s grantable %s', privilege_type, c.oid::regclass,
                   case grantee when 0 then 'public' else grantee::regrole::text end, grantor::regrole, is_grantable)
     from pg_class c, aclexplode(coalesce(relacl, acldefault('r', relowner)))
     where relnamespace::regnamespace::text !~ '^(pg_|information_schema)' and relkind in ('r', 'p', 'v', 'm')
       and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')",
    "select format('grant %s on %s.%s to %s by %s grantable %s', privilege_type, attrelid::regclass, attname,
                   case grantee when 0 then 'public' else grantee::regrole::text end, grantor::regrole, is_grantable)
     from pg_attribute, aclexplode(attacl) where attnum > 0 and not attisdropped",
    "select format('role %s super %s inherit %s createrole %s createdb %s login %s bypassrls %s config %s: %s', rolname,
                   rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolbypassrls, rolconfig,
                   shobj_description(oid, 'pg_authid'))
     from pg_roles where rolname !~ '^pg_'",
    "select format('member %s of %s admin %s by %s', member::regrole, roleid::regrole, admin_option, grantor::regrole)
     from pg_auth_members where roleid::regrole::text !~ '^pg_' and member::regrole::text !~ '^pg_'",
    "select format('setting of database %s role %s: %s', current_database(), nullif(setrole, 0)::regrole, setconfig)
     from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database())",
    "select format('database owner %s acl %s: %s', datdba::regrole, datacl, shobj_description(oid, 'pg_database'))
     from pg_database where datname = current_database()",
    "select format('default privileges of %s in %s for %s: %s', defaclrole::regrole,
                   nullif(defaclnamespace, 0)::regnamespace, defaclobjtype, defaclacl)
     from pg_default_acl",
];
