//! Opens the connection of a session.

use crate::Error;
use crate::ddl::quote;
use crate::lock::POLL;
use crate::options::Options;
use crate::target::{Server, Target};
use environment::{OLDEST_POSTGRES_NUM, sqlite_primary_code};
use sea_orm_migration::sea_orm::{DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The timeout of the first connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest timeout that both engines can hold, in milliseconds as a signed 32-bit number: 24 days.
const LONGEST_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

/// The purpose of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To read: nothing is created, not even a SQLite file.
    Look,
    /// To migrate.
    Migrate,
    /// To drop everything in any order: SQLite's foreign keys stay off.
    DropAll,
}

pub(crate) async fn connect(
    target: &Target,
    options: &Options,
    purpose: Purpose,
) -> Result<DatabaseConnection, Error> {
    match &target.server {
        Server::Postgres(server) => postgres(target, server, options).await,
        Server::Sqlite(file) => sqlite(target, (**file).clone(), options, purpose).await,
    }
}

async fn postgres(
    target: &Target,
    server: &PgConnectOptions,
    options: &Options,
) -> Result<DatabaseConnection, Error> {
    // A waiting run shows this name of the one that holds the lock.
    let name = format!("migration, process {}", std::process::id());
    let quiet = server.clone().application_name(&name).disable_statement_logging();
    probe(target, &quiet).await?;
    let server = if options.log_statements { server.clone().application_name(&name) } else { quiet };

    let lock_timeout =
        format!("set lock_timeout = {}", options.lock_timeout.min(LONGEST_TIMEOUT).as_millis());
    let search_path = target.schema.iter().map(|schema| format!("set search_path = {}", quote(schema)));
    let settings = std::iter::once(lock_timeout).chain(search_path).collect::<Vec<_>>().join("; ");
    // A second physical connection would not hold the advisory lock of the first.
    let used = Arc::new(AtomicBool::new(false));
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(CONNECT_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let (settings, used) = (settings.clone(), Arc::clone(&used));
            Box::pin(async move {
                if used.swap(true, Ordering::SeqCst) {
                    return Err(sqlx::Error::PoolClosed);
                }
                connection.execute(AssertSqlSafe(settings)).await.map(|_| ())
            })
        })
        .connect_with(server)
        .await
        .map_err(|error| Error::unreachable(target, &error))?;
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}

/// Connects once, outside the pool, which would treat a refused connection as transient and retry.
async fn probe(target: &Target, server: &PgConnectOptions) -> Result<(), Error> {
    let attempt = async {
        let mut connection = server.connect().await?;
        let found: (String, String, Option<String>, bool) = sqlx::query_as(
            "select current_setting('server_version_num'), current_setting('server_version'), \
             current_schema()::text, $1 is null or to_regnamespace(quote_ident($1)) is not null",
        )
        .bind(target.schema.as_deref())
        .fetch_one(&mut connection)
        .await?;
        connection.close().await?;
        Ok(found)
    };
    let (number, version, schema, found) = match tokio::time::timeout(CONNECT_TIMEOUT, attempt).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return Err(Error::unreachable(target, &error)),
        Err(_) => {
            let silent = std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer within 10 s");
            return Err(Error::unreachable(target, &sqlx::Error::Io(silent)));
        }
    };
    if number.parse::<u32>().is_ok_and(|number| number < OLDEST_POSTGRES_NUM) {
        return Err(Error::OldServer { target: target.to_string(), version });
    }
    if !found || (schema.is_none() && target.schema.is_none()) {
        let schema = target.schema.as_deref().unwrap_or("public");
        return Err(Error::Unreachable {
            target: target.to_string(),
            cause: format!("it has no schema \"{schema}\" that this login may use"),
            remedy: format!("; run: create schema \"{schema}\", or correct --database-schema"),
        });
    }
    Ok(())
}

async fn sqlite(
    target: &Target,
    file: SqliteConnectOptions,
    options: &Options,
    purpose: Purpose,
) -> Result<DatabaseConnection, Error> {
    let mut file = file.busy_timeout(options.lock_wait.min(LONGEST_TIMEOUT));
    if !options.log_statements {
        file = file.disable_statement_logging();
    }
    file = match purpose {
        Purpose::Look => file.create_if_missing(false),
        Purpose::Migrate => file.journal_mode(SqliteJournalMode::Wal).foreign_keys(true),
        Purpose::DropAll => file.journal_mode(SqliteJournalMode::Wal).foreign_keys(false),
    };
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(options.lock_wait + CONNECT_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None);
    let started = Instant::now();
    loop {
        match pool.clone().connect_with(file.clone()).await {
            Ok(pool) => return Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)),
            // SQLite does not apply its busy timeout to the change of the journal mode, which two processes may try at once
            // on a new file (<https://www.sqlite.org/c3ref/busy_handler.html>).
            Err(error) if is_busy(&error) && started.elapsed() < options.lock_wait => {
                tokio::time::sleep(POLL).await;
            }
            Err(error) => return Err(Error::unreachable(target, &error)),
        }
    }
}

/// Whether another process holds a lock on the SQLite file (`SQLITE_BUSY`).
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| sqlite_primary_code(&code) == Some(5))
}
