//! The lock that lets one migrator at a time work on a PostgreSQL database.
//!
//! Every login may call the functions of advisory locks, so a customer can hold any key that is known beforehand, in any
//! key space. Each migrator therefore locks a random key of one class, which cannot be held in advance, and then looks who
//! else holds a key of the class. Only a login that may migrate counts: a member of the owner of the ledger or of the
//! database, or, while there is no ledger, a login that may create objects in the schema.
//!
//! A migrator that sees no other has the lock, and does not look again. Of two, the one that looks later sees the other,
//! as each locks before it looks. A migrator that sees others gives its key back, unless its process id is the lowest:
//! that one keeps its key, so that one of those that start together gets the lock.
//!
//! A transaction that is prepared holds its advisory locks without a process. It does not count: a customer could leave
//! one, and a migrator locks for its session. The login is that of the connection, whatever role it has taken: a
//! connection of the owner on which `set role customer` was executed can hold up a migrator.
//!
//! A table lock on the ledger would need a second connection with an open transaction, whose loss the first does not
//! notice, and a ledger that exists before the first run and that `fresh` does not drop.

use crate::options::{Event, Options};
use crate::{Error, Target};
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, QueryResult, Statement};
use std::time::{Duration, Instant};

/// "voic" in ASCII: the class of the keys.
const CLASS: i32 = 0x766f_6963;

/// The interval between two attempts to take the lock. A statement that waited for it would itself be a transaction that
/// `create index concurrently` waits for.
pub(crate) const POLL: Duration = Duration::from_millis(50);

/// Takes the lock for the rest of the session, or returns an error that names its holder.
pub(crate) async fn acquire(
    db: &DatabaseConnection,
    target: &Target,
    options: &Options,
) -> Result<(), Error> {
    let failed = |error: DbErr| Error::database("taking the migration lock", target, &error);
    let started = Instant::now();
    let mut told = false;
    loop {
        take(db).await.map_err(failed)?;
        let Some(other) = other(db).await.map_err(failed)? else { return Ok(()) };
        if !other.is_later {
            release(db).await.map_err(failed)?;
        }
        let waited = started.elapsed();
        // The others of those that started together give way within one interval.
        let limit = if other.is_later { options.lock_wait.max(POLL) } else { options.lock_wait };
        if waited >= limit {
            release(db).await.map_err(failed)?;
            return Err(Error::LockHeld { target: target.to_string(), holder: other.name, waited });
        }
        if !told && (waited >= POLL || !other.is_later) {
            (options.report)(&Event::Waiting { holder: &other.name });
            told = true;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Releases the lock.
pub(crate) async fn release(db: &DatabaseConnection) -> Result<(), DbErr> {
    db.execute_unprepared("select pg_advisory_unlock_all()").await.map(|_| ())
}

/// Locks a random key, unless this session holds one.
async fn take(db: &DatabaseConnection) -> Result<(), DbErr> {
    let sql = format!(
        "select true as taken from pg_locks \
         where locktype = 'advisory' and granted and objsubid = 2 and classid = {CLASS}::oid \
           and pid = pg_backend_pid() \
           and database = (select oid from pg_database where datname = current_database())"
    );
    if query_one(db, &sql).await?.is_some() {
        return Ok(());
    }
    let sql = format!("select pg_try_advisory_lock({CLASS}, hashtext(gen_random_uuid()::text)) as taken");
    while !query_one(db, &sql).await?.map_or(Ok(false), |row| row.try_get("", "taken"))? {}
    Ok(())
}

/// Another migrator that holds a key.
struct Other {
    name: String,
    /// Its process id is higher, so that it gives way if it has not got the lock.
    is_later: bool,
}

/// The other migrator with the lowest process id.
async fn other(db: &DatabaseConnection) -> Result<Option<Other>, DbErr> {
    let row = query_one(
        db,
        &format!(
            "select format('server process %s (%s, login %s%s)', l.pid, \
                    coalesce(nullif(a.application_name, ''), 'an unnamed application'), \
                    coalesce(a.usename, 'unknown'), \
                    ', since ' || to_char(a.backend_start at time zone 'utc', 'HH24:MI:SS') || ' UTC') as name, \
                    l.pid > pg_backend_pid() as is_later \
             from pg_locks l \
             join pg_database d on d.oid = l.database and d.datname = current_database() \
             left join pg_stat_activity a on a.pid = l.pid \
             left join pg_class c on c.oid = \
               to_regclass(quote_ident(current_schema()) || '.seaql_migrations') \
             where l.locktype = 'advisory' and l.granted and l.objsubid = 2 and l.classid = {CLASS}::oid \
               and l.pid <> pg_backend_pid() \
               and (a.usesysid is null or pg_has_role(a.usesysid, d.datdba, 'member') \
                 or case when c.oid is null then has_schema_privilege(a.usesysid, current_schema(), 'create') \
                      else pg_has_role(a.usesysid, c.relowner, 'member') end) \
             order by l.pid limit 1"
        ),
    )
    .await?;
    row.map(|row| Ok(Other { name: row.try_get("", "name")?, is_later: row.try_get("", "is_later")? }))
        .transpose()
}

async fn query_one(db: &DatabaseConnection, sql: &str) -> Result<Option<QueryResult>, DbErr> {
    let backend = db.get_database_backend();
    db.query_one_raw(Statement::from_string(backend, sql)).await
}
