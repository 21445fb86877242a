//! One statement on one connection, from any thread.

use crate::Error;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::future::Future;
use std::io;
use std::thread;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::timeout;

const LONGEST: Duration = Duration::from_mins(1);
const LONGEST_TO_CONNECT: Duration = Duration::from_secs(15);

/// Runs `work` on a thread of its own with a runtime of its own, and waits for it.
///
/// The caller may be inside a runtime of any kind, where blocking on a future is not allowed.
pub(crate) fn blocking<T: Send>(work: impl Future<Output = sqlx::Result<T>> + Send) -> sqlx::Result<T> {
    thread::scope(|scope| {
        let run = || runtime()?.block_on(work);
        let thread = thread::Builder::new().name("scratch".to_owned()).spawn_scoped(scope, run)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the connection's thread panicked").into()))
    })
}

/// A runtime for one thread.
pub(crate) fn runtime() -> io::Result<tokio::runtime::Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Connects, for at most 15 seconds.
pub(crate) async fn connect(options: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    bounded(LONGEST_TO_CONNECT, PgConnection::connect_with(options)).await
}

/// Runs a statement without a result.
pub(crate) fn execute(options: &PgConnectOptions, statement: String) -> sqlx::Result<()> {
    blocking(async {
        let mut connection = connect(options).await?;
        bounded(LONGEST, sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection)).await?;
        connection.close().await
    })
}

/// Runs a query.
pub(crate) fn fetch(options: &PgConnectOptions, query: String) -> sqlx::Result<Vec<PgRow>> {
    blocking(async {
        let mut connection = connect(options).await?;
        let rows = bounded(LONGEST, sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(&mut connection)).await?;
        connection.close().await?;
        Ok(rows)
    })
}

/// Checks that a new backend can still load a library, and gives the reason if it cannot.
///
/// A block in PL/pgSQL loads `plpgsql`, which is installed with every server but never built into it.
pub(crate) fn probe_libraries(options: &PgConnectOptions) -> sqlx::Result<()> {
    match execute(options, "do $$ begin perform 1; end $$".to_owned()) {
        // The language was removed on purpose, so the check does not apply.
        Err(error) if sqlstate(&error).as_deref() == Some("42704") => Ok(()),
        result => result,
    }
}

/// Turns a failed statement into our error, and recognises replaced libraries.
pub(crate) fn error(place: &str, action: String, hint: &'static str, source: sqlx::Error) -> Error {
    match library_fault(&source) {
        Some(detail) => Error::Upgraded { place: place.to_owned(), detail },
        None => Error::Sql { place: place.to_owned(), action, hint, source: Box::new(source) },
    }
}

/// The server's message, if it could not load one of its own libraries.
pub(crate) fn library_fault(error: &sqlx::Error) -> Option<String> {
    // The texts of dfmgr.c; the codes alone also stand for other faults.
    const FAULTS: [&str; 4] = [
        "could not load library",
        "incompatible library",
        "could not find function",
        "could not access file",
    ];
    let message = error.as_database_error()?.message();
    FAULTS.iter().any(|fault| message.contains(fault)).then(|| message.to_owned())
}

/// An identifier as SQL text.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn sqlstate(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

async fn bounded<T>(limit: Duration, work: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    timeout(limit, work).await.unwrap_or_else(|_| {
        let message = format!("no answer within {} s", limit.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, message).into())
    })
}
