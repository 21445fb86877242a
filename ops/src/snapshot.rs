//! What the manifest states of a PostgreSQL database, read in one snapshot that `pg_dump` reads as well.

use crate::manifest::{Cluster, Membership, Privilege, Role, Setting};
use crate::target::connect;
use crate::{Error, Target};
use chrono::{DateTime, Utc};
use environment::Mark;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

/// A snapshot, which `pg_dump` can use as long as this value exists.
#[derive(Debug)]
pub struct Snapshot {
    // Its transaction holds the snapshot.
    connection: PgConnection,
    target: Target,
    /// The name by which `pg_dump` imports it.
    pub id: String,
    /// Its time.
    pub taken_at: DateTime<Utc>,
    /// The name of the database.
    pub database: String,
    /// The server's version.
    pub server: String,
    /// The encoding of the database.
    pub encoding: String,
    /// Whether the database is marked as production.
    pub is_marked: bool,
    /// The tables, the largest first.
    pub tables: Vec<TableName>,
}

/// A table before its rows are read.
#[derive(Debug)]
pub struct TableName {
    /// `schema.table`, quoted where required.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its number in the catalogue, by which the list of a dump names it.
    pub oid: u32,
}

impl Snapshot {
    /// Takes a snapshot of a database of which the login can read every row.
    ///
    /// # Errors
    /// The database cannot be reached, or a table not be read completely.
    pub async fn take(options: &PgConnectOptions) -> Result<Self, Error> {
        let target = Target::Postgres(Box::new(options.clone()));
        let mut connection = connect(options).await?;
        let row =
            one(&mut connection, BEGIN).await.map_err(Error::statement("taking a snapshot", &target))?;
        let get = |error| Error::statement("reading the catalogue", &target)(error);
        let tables = all(&mut connection, TABLES).await.map_err(get)?;
        let mut unreadable = Vec::new();
        let mut readable = Vec::new();
        for row in &tables {
            let name: String = row.try_get(0).map_err(get)?;
            if !row.try_get::<bool, _>(2).map_err(get)? {
                unreadable.push(format!("it may not read {name}"));
            } else if row.try_get::<bool, _>(3).map_err(get)? {
                unreadable.push(format!("Row Level Security hides rows of {name} from it"));
            }
            let bytes = u64::try_from(row.try_get::<i64, _>(1).map_err(get)?).unwrap_or_default();
            let oid: Oid = row.try_get(4).map_err(get)?;
            readable.push(TableName { name, bytes, oid: oid.0 });
        }
        if !unreadable.is_empty() {
            return Err(Error::NotReadable { target: target.to_string(), tables: unreadable.join(", ") });
        }
        let is_marked = !all(&mut connection, Mark::QUERY).await.map_err(get)?.is_empty();
        Ok(Self {
            id: row.try_get(0).map_err(get)?,
            taken_at: row.try_get(1).map_err(get)?,
            database: row.try_get(2).map_err(get)?,
            server: row.try_get(3).map_err(get)?,
            encoding: row.try_get(4).map_err(get)?,
            is_marked,
            tables: readable,
            target,
            connection,
        })
    }

    /// The major version of the server.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.connection.server_version_num().unwrap_or_default() / 10_000
    }

    /// The names of the applied migrations; none if there is no ledger.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn ledger(&mut self) -> Result<Vec<String>, Error> {
        let failed = Error::statement("reading the ledger", &self.target);
        let mut names = Vec::new();
        for table in self.tables.iter().filter(|table| table.name.ends_with(".seaql_migrations")) {
            let sql = format!("select version::text from {} order by version", table.name);
            for row in all(&mut self.connection, &sql).await.map_err(&failed)? {
                names.push(row.try_get(0).map_err(&failed)?);
            }
        }
        Ok(names)
    }

    /// The roles and settings that the database needs.
    ///
    /// # Errors
    /// The catalogue cannot be read.
    pub async fn cluster(&mut self) -> Result<Cluster, Error> {
        let failed = Error::statement("reading roles and settings", &self.target);
        let roles = all(&mut self.connection, &format!("{NEEDED}{ROLES}")).await.map_err(&failed)?;
        let memberships =
            all(&mut self.connection, &format!("{NEEDED}{MEMBERSHIPS}")).await.map_err(&failed)?;
        let settings = all(&mut self.connection, &format!("{NEEDED}{SETTINGS}")).await.map_err(&failed)?;
        let privileges = all(&mut self.connection, PRIVILEGES).await.map_err(&failed)?;
        let default: bool = one(&mut self.connection, DEFAULT_PRIVILEGES)
            .await
            .and_then(|row| row.try_get(0))
            .map_err(&failed)?;
        let read = || -> sqlx::Result<Cluster> {
            Ok(Cluster {
                roles: roles.iter().map(role).collect::<sqlx::Result<_>>()?,
                memberships: memberships
                    .iter()
                    .map(|row| {
                        Ok(Membership {
                            role: row.try_get(0)?,
                            member: row.try_get(1)?,
                            admin: row.try_get(2)?,
                        })
                    })
                    .collect::<sqlx::Result<_>>()?,
                settings: settings.iter().map(setting).collect::<sqlx::Result<_>>()?,
                privileges: if default {
                    None
                } else {
                    Some(privileges.iter().map(privilege).collect::<sqlx::Result<_>>()?)
                },
            })
        };
        read().map_err(&failed)
    }
}

/// Text as a literal of SQL.
pub(crate) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') { format!(" e'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// A name as an identifier of SQL.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn all(connection: &mut PgConnection, sql: &str) -> sqlx::Result<Vec<PgRow>> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await
}

async fn one(connection: &mut PgConnection, sql: &str) -> sqlx::Result<PgRow> {
    all(connection, sql).await?.pop().ok_or(sqlx::Error::RowNotFound)
}

fn role(row: &PgRow) -> sqlx::Result<Role> {
    Ok(Role { name: row.try_get(0)?, attributes: row.try_get(1)?, reserved: row.try_get(2)? })
}

fn setting(row: &PgRow) -> sqlx::Result<Setting> {
    Ok(Setting {
        role: row.try_get(0)?,
        in_database: row.try_get(1)?,
        name: row.try_get(2)?,
        value: row.try_get(3)?,
    })
}

fn privilege(row: &PgRow) -> sqlx::Result<Privilege> {
    Ok(Privilege { privilege: row.try_get(0)?, grantee: row.try_get(1)?, grantable: row.try_get(2)? })
}

const BEGIN: &str = "
begin transaction isolation level repeatable read, read only;
select pg_export_snapshot(), now(), current_database()::text, current_setting('server_version'),
       current_setting('server_encoding')";

/// Name, bytes, whether the login may read the table, whether policies apply to the login, and the number.
const TABLES: &str = "
select format('%I.%I', nspname, relname), pg_table_size(c.oid), has_table_privilege(c.oid, 'select'),
       row_security_active(c.oid), c.oid
from pg_class c join pg_namespace n on n.oid = relnamespace
where relkind = 'r' and relpersistence <> 't' and nspname !~ '^pg_' and nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
                                            and d.deptype = 'e')
order by 2 desc, 1";

/// The roles that objects of the database refer to, its owner, and the members of these roles, which are its logins; not
/// those of the server itself.
const NEEDED: &str = "
with recursive needed(oid) as (
    select refobjid from pg_shdepend
    where refclassid = 'pg_authid'::regclass
      and (dbid = (select oid from pg_database where datname = current_database())
           or classid = 'pg_database'::regclass
              and objid = (select oid from pg_database where datname = current_database()))
    union
    select datdba from pg_database where datname = current_database()
    union
    select member from pg_auth_members m join needed on m.roleid = needed.oid
), roles as (
    select r.* from pg_roles r join needed using (oid) where rolname !~ '^pg_'
)";

const ROLES: &str = "
select rolname::text,
       array[case when rolcanlogin then 'LOGIN' else 'NOLOGIN' end, case when rolinherit then 'INHERIT' else 'NOINHERIT' end,
             case when rolcreatedb then 'CREATEDB' else 'NOCREATEDB' end,
             case when rolcreaterole then 'CREATEROLE' else 'NOCREATEROLE' end],
       array_remove(array[case when rolsuper then 'SUPERUSER' end, case when rolreplication then 'REPLICATION' end,
                          case when rolbypassrls then 'BYPASSRLS' end], null)
from roles order by 1";

const MEMBERSHIPS: &str = "
select r.rolname::text, m.rolname::text, bool_or(admin_option)
from pg_auth_members join roles r on r.oid = roleid join roles m on m.oid = member
group by 1, 2 order by 1, 2";

const SETTINGS: &str = "
select (select rolname::text from roles where oid = setrole), setdatabase <> 0,
       split_part(item, '=', 1), substr(item, strpos(item, '=') + 1)
from pg_db_role_setting cross join unnest(setconfig) as item
where (setdatabase in (0, (select oid from pg_database where datname = current_database())))
  and (setrole in (select oid from roles) or setrole = 0 and setdatabase <> 0)
order by 1, 2, 3";

const DEFAULT_PRIVILEGES: &str = "select datacl is null from pg_database where datname = current_database()";

const PRIVILEGES: &str = "
select privilege_type, case when grantee <> 0 then (select rolname::text from pg_roles where oid = grantee) end,
       bool_or(is_grantable)
from pg_database cross join aclexplode(datacl)
where datname = current_database() and grantee <> datdba
group by 1, 2 order by 2, 1";
