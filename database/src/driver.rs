//! An open transaction of either engine, without a tenant scope.
//!
//! On SQLite it is SeaORM's `DatabaseTransaction`. On PostgreSQL it is a connection on which this module has sent `begin`:
//! SeaORM discards the response to that statement, and [`crate::signature`] needs the identity of the transaction in it.

#![expect(clippy::disallowed_methods, reason = "forwards statements to the connection")]

use crate::deadline::{sleep, within};
use crate::session;
use async_stream::try_stream;
use futures_util::lock::Mutex;
use futures_util::{Stream, TryStreamExt};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    StreamTrait, Values,
};
use sea_query_sqlx::SqlxValues;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPool;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Executor, Postgres, Row};
use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The pause after a connection that was reset.
const PAUSE: Duration = Duration::from_millis(50);

/// The rows of a query as they arrive.
pub type Rows<'a> = Pin<Box<dyn Stream<Item = Result<QueryResult, DbErr>> + Send + 'a>>;

/// A transaction that has begun. Dropped without [`OpenTransaction::commit`], it is rolled back: on PostgreSQL when the
/// connection is released to the pool.
pub(crate) enum OpenTransaction {
    Postgres(Box<Session>),
    Sqlite(DatabaseTransaction),
}

/// A connection in a transaction.
pub(crate) struct Session {
    connection: Mutex<PoolConnection<Postgres>>,
    /// Whether the connection to the server serves no other client; otherwise the next `begin` on it cleans it.
    own: bool,
    /// Whether a statement ran that may have left more on the connection than the transaction's own end removes.
    may_have_traces: AtomicBool,
}

impl Drop for Session {
    fn drop(&mut self) {
        if *self.may_have_traces.get_mut() {
            self.connection.get_mut().close_on_drop();
        }
    }
}

impl OpenTransaction {
    /// Sends `begin`, a batch of statements that starts with that one; with `named`, returns the text in its last row. `own` as in
    /// [`session::begin`].
    pub(crate) async fn begin_postgres(
        pool: &PgPool,
        (begin, own): (&'static str, bool),
        named: bool,
    ) -> Result<(Self, Option<String>), DbErr> {
        let mut connection = acquire(pool).await?;
        let rows = sqlx::raw_sql(begin).fetch_all(&mut *connection).await.map_err(query_error)?;
        let identity = rows.last().filter(|_| named).map(|row| row.try_get(0));
        let identity = identity.transpose().map_err(query_error)?;
        let session =
            Session { connection: Mutex::new(connection), own, may_have_traces: AtomicBool::new(false) };
        Ok((Self::Postgres(Box::new(session)), identity))
    }

    pub(crate) fn backend(&self) -> DbBackend {
        match self {
            Self::Postgres(_) => DbBackend::Postgres,
            Self::Sqlite(_) => DbBackend::Sqlite,
        }
    }

    pub(crate) async fn execute(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Postgres(session) => {
                let mut connection = session.connection.lock().await;
                let done = prepared(&statement).execute(&mut **connection).await;
                done.map(Into::into).map_err(exec_error)
            }
            Self::Sqlite(transaction) => transaction.execute_raw(statement).await,
        }
    }

    /// Sends the text as it is, which may contain several statements.
    pub(crate) async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Postgres(session) => {
                let mut connection = session.connection.lock().await;
                let done = connection.execute(AssertSqlSafe(sql)).await;
                done.map(Into::into).map_err(exec_error)
            }
            Self::Sqlite(transaction) => transaction.execute_unprepared(sql).await,
        }
    }

    pub(crate) async fn query_one(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Postgres(session) => {
                let mut connection = session.connection.lock().await;
                let row = prepared(&statement).fetch_optional(&mut **connection).await;
                row.map(|row| row.map(Into::into)).map_err(query_error)
            }
            Self::Sqlite(transaction) => transaction.query_one_raw(statement).await,
        }
    }

    pub(crate) async fn query_all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Postgres(session) => {
                let mut connection = session.connection.lock().await;
                let rows = prepared(&statement).fetch_all(&mut **connection).await;
                rows.map(|rows| rows.into_iter().map(Into::into).collect()).map_err(query_error)
            }
            Self::Sqlite(transaction) => transaction.query_all_raw(statement).await,
        }
    }

    pub(crate) async fn stream(&self, statement: Statement) -> Result<Rows<'_>, DbErr> {
        match self {
            Self::Postgres(session) => Ok(Box::pin(try_stream! {
                let mut connection = session.connection.lock().await;
                let mut rows = prepared(&statement).fetch(&mut **connection);
                while let Some(row) = rows.try_next().await.map_err(query_error)? {
                    yield row.into();
                }
            })),
            Self::Sqlite(transaction) => Ok(Box::pin(transaction.stream_raw(statement).await?)),
        }
    }

    /// Records that a statement runs whose text this crate did not write. It may be one that an attacker changed, so the
    /// connection is reset after the transaction, and closed if the transaction is dropped instead of ended.
    pub(crate) fn may_leave_traces(&self) {
        if let Self::Postgres(session) = self
            && session.own
        {
            session.may_have_traces.store(true, Ordering::Relaxed);
        }
    }

    /// Commits, within `limit`.
    pub(crate) async fn commit(self, limit: Option<Duration>) -> Result<Result<(), DbErr>, sqlx::Error> {
        match self {
            Self::Postgres(session) => session.end("commit", limit).await,
            Self::Sqlite(transaction) => within(limit, transaction.commit()).await,
        }
    }

    /// Rolls back, within `limit`.
    pub(crate) async fn rollback(self, limit: Option<Duration>) -> Result<Result<(), DbErr>, sqlx::Error> {
        match self {
            Self::Postgres(session) => session.end("rollback", limit).await,
            Self::Sqlite(transaction) => within(limit, transaction.rollback()).await,
        }
    }
}

impl Session {
    async fn end(
        mut self,
        how: &'static str,
        limit: Option<Duration>,
    ) -> Result<Result<(), DbErr>, sqlx::Error> {
        let connection = self.connection.get_mut();
        let ended = within(limit, connection.execute(how)).await?.map(|_| ()).map_err(exec_error);
        if *self.may_have_traces.get_mut() && ended.is_ok() {
            // The transaction has ended whatever becomes of this: the connection is closed if it cannot be reset.
            let clean = within(limit, session::reset(connection)).await;
            *self.may_have_traces.get_mut() = !matches!(clean, Ok(Ok(true)));
        }
        Ok(ended)
    }
}

/// Takes a connection from the pool. A server that restarts after a crash resets connections that it has accepted. No
/// statement has been sent on them, so another one is tried, for as long as the caller waits; sqlx itself does so if a
/// connection is refused.
async fn acquire(pool: &PgPool) -> Result<PoolConnection<Postgres>, DbErr> {
    loop {
        match pool.acquire().await {
            Err(sqlx::Error::Io(error)) if error.kind() == ErrorKind::ConnectionReset => sleep(PAUSE).await,
            acquired => {
                return acquired.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))));
            }
        }
    }
}

/// The statement with its values, which the connection prepares and keeps.
fn prepared(statement: &Statement) -> Query<'_, Postgres, SqlxValues> {
    let values = statement.values.clone().unwrap_or(Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values))
}

fn exec_error(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}

fn query_error(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))
}
