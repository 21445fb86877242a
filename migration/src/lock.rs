//! The advisory lock that lets one migrator at a time work on a PostgreSQL database.

use crate::options::{Event, Options};
use crate::{Error, Target};
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, QueryResult, Statement};
use std::time::{Duration, Instant};

/// "voicesrv" in ASCII: the key of the lock, one for each database of a server.
const KEY: i64 = 0x766f_6963_6573_7276;

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
        if try_acquire(db).await.map_err(failed)? {
            return Ok(());
        }
        let waited = started.elapsed();
        if told && waited < options.lock_wait {
            tokio::time::sleep(POLL).await;
            continue;
        }
        // If the holder ended between the two statements, the next attempt succeeds.
        let Some(holder) = holder(db).await.map_err(failed)? else { continue };
        if waited >= options.lock_wait {
            return Err(Error::LockHeld { target: target.to_string(), holder, waited });
        }
        (options.report)(&Event::Waiting { holder: &holder });
        told = true;
    }
}

/// Releases the lock.
pub(crate) async fn release(db: &DatabaseConnection) -> Result<(), DbErr> {
    db.execute_unprepared(&format!("select pg_advisory_unlock({KEY})")).await.map(|_| ())
}

async fn try_acquire(db: &DatabaseConnection) -> Result<bool, DbErr> {
    let row = query_one(db, &format!("select pg_try_advisory_lock({KEY}) as taken")).await?;
    row.map_or(Ok(false), |row| row.try_get("", "taken"))
}

async fn holder(db: &DatabaseConnection) -> Result<Option<String>, DbErr> {
    let row = query_one(
        db,
        &format!(
            "select format('server process %s (%s, login %s%s)', a.pid, \
                    coalesce(nullif(a.application_name, ''), 'an unnamed application'), a.usename, \
                    ', since ' || to_char(a.backend_start at time zone 'utc', 'HH24:MI:SS') || ' UTC') as holder \
             from pg_locks l join pg_stat_activity a using (pid) \
             where l.locktype = 'advisory' and l.granted and l.objsubid = 1 \
               and l.classid = {}::oid and l.objid = {}::oid \
               and l.database = (select oid from pg_database where datname = current_database())",
            KEY >> 32,
            KEY & 0xffff_ffff
        ),
    )
    .await?;
    row.map(|row| row.try_get("", "holder")).transpose()
}

async fn query_one(db: &DatabaseConnection, sql: &str) -> Result<Option<QueryResult>, DbErr> {
    let backend = db.get_database_backend();
    db.query_one_raw(Statement::from_string(backend, sql)).await
}
