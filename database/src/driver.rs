//! An open transaction of either engine, without a tenant scope.
//!
//! On SQLite it is SeaORM's `DatabaseTransaction`. On PostgreSQL it is a connection on which this module has sent `begin`:
//! SeaORM discards the response to that statement, and [`crate::signature`] needs the identity of the transaction in it.

#![expect(clippy::disallowed_methods, reason = "forwards statements to the connection")]

use crate::deadline::{sleep, within};
use crate::error::{is_unprepared, no_response};
use crate::position::Position;
use crate::session::{self, Begin, Server};
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
use sqlx::{AssertSqlSafe, Database, Either, Executor, Postgres, Row, SqlSafeStr};
use sqlx_core::transaction::TransactionManager;
use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// sqlx's own bookkeeping: a connection whose transaction was dropped is still in one when it is released.
type Manager = <Postgres as Database>::TransactionManager;

/// The pause after a connection that could not be opened.
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
    /// `None` only while it is dropped.
    connection: Mutex<Option<PoolConnection<Postgres>>>,
    server: Server,
    /// Whether a statement ran that may have left more on the connection than the transaction's own end removes.
    may_have_traces: AtomicBool,
    /// Whether a refusal to write means that the server is no longer the primary.
    must_write: bool,
    /// Whether the connection is closed instead of released: its server is not the primary, does not respond, or prepared
    /// another statement than the driver knows.
    is_unusable: AtomicBool,
}

impl Drop for Session {
    /// Closes a connection of which its pool would not know that it is to be reset ([`session::release`]).
    fn drop(&mut self) {
        let connection = self.connection.get_mut();
        let known = connection.as_ref().is_some_and(|one| Manager::get_transaction_depth(one) > 0);
        if *self.is_unusable.get_mut() || (*self.may_have_traces.get_mut() && !known) {
            // Without waiting for the server, which may not respond.
            drop(connection.take().map(PoolConnection::detach));
        }
    }
}

impl OpenTransaction {
    /// Sends `begin`, a batch of statements that starts with that one, and returns the identity that it asks for.
    /// `must_write`: see [`Session`].
    pub(crate) async fn begin_postgres(
        connection: PoolConnection<Postgres>,
        begin: Begin,
        server: Server,
        must_write: bool,
    ) -> Result<(Self, Option<String>), DbErr> {
        // Closed if this future is dropped: `begin` may have been sent, and nothing would roll back.
        let mut session = Session {
            connection: Mutex::new(Some(connection)),
            server,
            may_have_traces: AtomicBool::new(true),
            must_write,
            is_unusable: AtomicBool::new(false),
        };
        let statements = AssertSqlSafe(begin.statements(&session.server));
        let connection = session.connection.get_mut().as_mut().ok_or_else(gone).map_err(query_error)?;
        let identity = if begin.identify {
            let row =
                sqlx::raw_sql(statements).fetch_all(&mut **connection).await.map_err(query_error)?.pop();
            row.map(|row| row.try_get(0)).transpose().map_err(query_error)?
        } else {
            Manager::begin(connection, Some(statements.into_sql_str())).await.map_err(query_error)?;
            None
        };
        *session.may_have_traces.get_mut() = false;
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
                let connection = connection.as_mut().ok_or_else(gone).map_err(exec_error)?;
                let done = prepared(&statement).execute(&mut **connection).await;
                done.map(Into::into).map_err(|error| exec_error(session.examined(error)))
            }
            Self::Sqlite(transaction) => transaction.execute_raw(statement).await,
        }
    }

    /// Sends the text as it is, which may contain several statements.
    pub(crate) async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Postgres(session) => {
                let mut connection = session.connection.lock().await;
                let connection = connection.as_mut().ok_or_else(gone).map_err(exec_error)?;
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
                let connection = connection.as_mut().ok_or_else(gone).map_err(query_error)?;
                let row = prepared(&statement).fetch_optional(&mut **connection).await;
                row.map(|row| row.map(Into::into)).map_err(|error| query_error(session.examined(error)))
            }
            Self::Sqlite(transaction) => transaction.query_one_raw(statement).await,
        }
    }

    pub(crate) async fn query_all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Postgres(session) => {
                let mut connection = session.connection.lock().await;
                let connection = connection.as_mut().ok_or_else(gone).map_err(query_error)?;
                let rows = prepared(&statement).fetch_all(&mut **connection).await;
                rows.map(|rows| rows.into_iter().map(Into::into).collect())
                    .map_err(|error| query_error(session.examined(error)))
            }
            Self::Sqlite(transaction) => transaction.query_all_raw(statement).await,
        }
    }

    /// Returns the rows as they arrive. `limit` is that of the wait for each of them.
    pub(crate) async fn stream(
        &self,
        statement: Statement,
        limit: Option<Duration>,
    ) -> Result<Rows<'_>, DbErr> {
        match self {
            Self::Postgres(session) => Ok(Box::pin(try_stream! {
                let mut connection = within(limit, session.connection.lock()).await.map_err(no_response)?;
                let connection = connection.as_mut().ok_or_else(gone).map_err(query_error)?;
                // Not `fetch`, which is a filter of this stream, and one more for each row to pass.
                let mut results = connection.fetch_many(prepared(&statement));
                while let Some(result) = within(limit, results.try_next())
                    .await
                    .map_err(no_response)?
                    .map_err(|error| query_error(session.examined(error)))?
                {
                    if let Either::Right(row) = result {
                        yield row.into();
                    }
                }
            })),
            Self::Sqlite(transaction) => Ok(Box::pin(transaction.stream_raw(statement).await?)),
        }
    }

    /// Whether the connection has the timeouts of its pool; otherwise the transaction sets them.
    pub(crate) fn has_timeouts(&self) -> bool {
        matches!(self, Self::Postgres(session) if session.server.timeouts().is_some())
    }

    /// Whether other clients share the connection to the server; `None` if statements do not stay prepared on it.
    pub(crate) fn shares_prepared(&self) -> Option<bool> {
        match self {
            Self::Postgres(session) => {
                session.server.prepares().then_some(session.server.timeouts().is_none())
            }
            Self::Sqlite(_) => None,
        }
    }

    /// Records that a statement runs whose text this crate did not write. It may be one that an attacker changed, so the
    /// connection is reset after the transaction.
    pub(crate) fn may_leave_traces(&self) {
        if let Self::Postgres(session) = self
            && session.server.timeouts().is_some()
        {
            session.may_have_traces.store(true, Ordering::Relaxed);
        }
    }

    /// Declares that the transaction does not write, so that a refusal to write is the caller's fault.
    pub(crate) fn only_reads(&mut self) {
        if let Self::Postgres(session) = self {
            session.must_write = false;
        }
    }

    /// Returns whether the error means that the server is no longer the primary. The connection is closed then.
    pub(crate) fn is_demoted(&self, error: &DbErr) -> bool {
        let Self::Postgres(session) = self else { return false };
        // read_only_sql_transaction (https://www.postgresql.org/docs/15/errcodes-appendix.html)
        let is_demoted = session.must_write && sqlstate(error).as_deref() == Some("25006");
        session.is_unusable.fetch_or(is_demoted, Ordering::Relaxed);
        is_demoted
    }

    /// Commits, within `limit`.
    pub(crate) async fn commit(self, limit: Option<Duration>) -> Result<Result<(), DbErr>, sqlx::Error> {
        match self {
            Self::Postgres(session) => session.end(End::Commit, limit).await.map(|ended| ended.map(|_| ())),
            Self::Sqlite(transaction) => within(limit, transaction.commit()).await,
        }
    }

    /// Commits, within `limit`, and returns a position that covers the commit.
    pub(crate) async fn commit_at(
        self,
        limit: Option<Duration>,
    ) -> Result<Result<Position, DbErr>, sqlx::Error> {
        match self {
            Self::Postgres(session) => session.end(End::CommitAt, limit).await,
            Self::Sqlite(transaction) => {
                within(limit, transaction.commit()).await.map(|ended| ended.map(|()| Position::UNKNOWN))
            }
        }
    }

    /// Rolls back, within `limit`.
    pub(crate) async fn rollback(self, limit: Option<Duration>) -> Result<Result<(), DbErr>, sqlx::Error> {
        match self {
            Self::Postgres(session) => session.end(End::Rollback, limit).await.map(|ended| ended.map(|_| ())),
            Self::Sqlite(transaction) => within(limit, transaction.rollback()).await,
        }
    }
}

impl Session {
    /// Marks the connection as unusable if the server does not have the statement that the driver prepared, and would
    /// return the same error again. A pooler closes the server's connection with it, because the transaction is open.
    fn examined(&self, error: sqlx::Error) -> sqlx::Error {
        self.is_unusable.fetch_or(is_unprepared(&error), Ordering::Relaxed);
        error
    }

    /// Ends the transaction; the position is known after [`End::CommitAt`] only.
    async fn end(
        mut self,
        end: End,
        limit: Option<Duration>,
    ) -> Result<Result<Position, DbErr>, sqlx::Error> {
        if end == End::Rollback && *self.is_unusable.get_mut() {
            // By the close of the connection.
            return Ok(Ok(Position::UNKNOWN));
        }
        let Some(connection) = self.connection.get_mut() else { return Err(gone()) };
        let ended = async {
            match (Manager::get_transaction_depth(connection) > 0, end != End::Rollback) {
                (true, true) => Manager::commit(connection).await,
                (true, false) => Manager::rollback(connection).await,
                // sqlx did not send `begin` itself, so it sends no end either.
                (false, true) => connection.execute("commit").await.map(|_| ()),
                (false, false) => connection.execute("rollback").await.map(|_| ()),
            }
        };
        let ended = within(limit, ended).await?.map_err(exec_error);
        let mut position = Position::UNKNOWN;
        if end == End::CommitAt && ended.is_ok() {
            // It has committed whatever becomes of this; of an unknown position the reads go to the primary.
            match within(limit, session::position(connection, session::INSERTED)).await {
                Ok(Ok(found)) => position = found,
                _ => *self.is_unusable.get_mut() = true,
            }
        }
        if let Some(timeouts) = self.server.timeouts()
            && *self.may_have_traces.get_mut()
            && ended.is_ok()
        {
            // The transaction has ended whatever becomes of this: the connection is closed if it cannot be reset.
            let clean = within(limit, session::reset(connection, timeouts)).await;
            *self.may_have_traces.get_mut() = !matches!(clean, Ok(Ok(true)));
        }
        Ok(ended.map(|()| position))
    }
}

/// How a transaction ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    CommitAt,
    Rollback,
}

/// Takes a connection from the pool. A server that restarts after a crash resets connections that it has accepted, and one
/// under a burst accepts none while its queue is full. No statement has been sent, so another connection is tried, for as
/// long as the caller waits; sqlx itself does so if a connection is refused.
pub(crate) async fn acquire(pool: &PgPool) -> Result<PoolConnection<Postgres>, sqlx::Error> {
    loop {
        match pool.acquire().await {
            Err(sqlx::Error::Io(error)) if is_transient(error.kind()) => sleep(PAUSE).await,
            acquired => return acquired,
        }
    }
}

/// Returns whether a connection that failed for this reason is worth another attempt.
///
/// A full queue is an error of Unix-domain sockets only
/// ([connect(2)](https://man7.org/linux/man-pages/man2/connect.2.html), `EAGAIN`); async-io reports it as a socket that is
/// not connected.
fn is_transient(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::WouldBlock | ErrorKind::NotConnected)
}

/// The error of a session without a connection.
fn gone() -> sqlx::Error {
    sqlx::Error::PoolClosed
}

/// The statement with its values, which the connection prepares and keeps.
fn prepared(statement: &Statement) -> Query<'_, Postgres, SqlxValues> {
    let values = statement.values.clone().unwrap_or(Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values))
}

fn sqlstate(error: &DbErr) -> Option<String> {
    let (DbErr::Conn(source) | DbErr::Exec(source) | DbErr::Query(source)) = error else { return None };
    let RuntimeErr::SqlxError(source) = source else { return None };
    Some(source.as_database_error()?.code()?.into_owned())
}

fn exec_error(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}

pub(crate) fn query_error(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))
}
