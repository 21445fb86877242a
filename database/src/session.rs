//! What one transaction leaves on its connection, and the next one must not find.
//!
//! Connections are pooled, so the next transaction may belong to another organization. Settings with `set local` and locks
//! of the transaction end with it. A statement that an attacker injects can leave more: a cursor `with hold`, a temporary
//! table in place of one of ours, a prepared statement under a name that the driver uses, a session lock, a search path.

#![expect(clippy::disallowed_methods, reason = "runs below SeaORM, on a connection of the pool")]

use crate::Settings;
use crate::position::{NotAPosition, Position};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, Database, Postgres, Row};
use sqlx_core::transaction::TransactionManager;
use std::sync::Arc;
use std::time::Duration;

type Manager = <Postgres as Database>::TransactionManager;

/// The server's name for the current transaction: the process and the start in microseconds, which only one transaction
/// has. The functions that verify a signed actor compute the same text.
const IDENTITY: &str = "select pg_backend_pid() || '.' || (date_part('epoch', now()) * 1000000)::bigint";

/// Removes what ends with neither the transaction nor a setting, and resets the settings.
const DISCARD: &str = "close all; unlisten *; discard temp; reset session authorization; reset role; reset all; \
    select pg_advisory_unlock_all()";

/// The timeouts of a session, for connections to the server that serve no other client. Behind `PgBouncer` in transaction
/// mode each transaction sets its own instead.
///
/// With them JIT is switched off, which compiles a statement whenever the planner expects much. That takes tenths of a
/// second each time, and a claim of contacts, of which it expects much, a few milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Timeouts(Arc<str>);

impl Timeouts {
    /// Zero is no timeout.
    pub(crate) fn new(statement: Duration, idle_in_transaction: Duration) -> Self {
        let (statement, idle) = (statement.as_millis(), idle_in_transaction.as_millis());
        Self(
            format!(
                "set statement_timeout = {statement}; set idle_in_transaction_session_timeout = {idle}; set jit = off"
            )
            .into(),
        )
    }

    /// Sets them.
    pub(crate) async fn set(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(&*self.0)).execute(connection).await.map(|_| ())
    }
}

/// What a connection of a pool leads to.
#[derive(Clone, Debug)]
pub(crate) enum Server {
    /// A session that serves no other client: it has the timeouts, and [`reset`] cleans it where that is needed.
    Own(Timeouts),
    /// One that a pooler gives to other clients between two transactions: each transaction cleans it and sets its timeouts.
    Shared {
        /// The statements before `begin`, which remove what the client before left.
        cleaning: Arc<str>,
        /// Whether statements stay prepared.
        prepares: bool,
    },
}

impl Server {
    pub(crate) fn of(settings: &Settings) -> Self {
        let prepares = settings.statement_cache > 0;
        if prepares && !settings.transaction_pooler {
            return Self::Own(Timeouts::new(
                settings.statement_timeout,
                settings.idle_in_transaction_timeout,
            ));
        }
        Self::Shared { cleaning: cleaning(&settings.application_name, prepares), prepares }
    }

    /// Whether statements stay prepared.
    pub(crate) fn prepares(&self) -> bool {
        matches!(self, Self::Own(_) | Self::Shared { prepares: true, .. })
    }

    /// The timeouts of a session that serves no other client.
    pub(crate) fn timeouts(&self) -> Option<&Timeouts> {
        match self {
            Self::Own(timeouts) => Some(timeouts),
            Self::Shared { .. } => None,
        }
    }
}

/// The statements that remove what the client before left. `reset all` resets the parameters as well that the pooler set for
/// this client, which are those that sqlx states at the start. In a transaction of its own, because
/// `default_transaction_read_only` applies when one begins.
fn cleaning(application_name: &str, prepares: bool) -> Arc<str> {
    let name = application_name.replace('\\', "\\\\").replace('\'', "''");
    let statements = if prepares {
        // A statement that SQL prepared may have the name under which the pooler prepared one of ours, `PGBOUNCER_1`, and
        // would run in its place. The pooler would not learn of a `deallocate`, so the session ends.
        "select pg_terminate_backend(pg_backend_pid()) from pg_prepared_statements where from_sql"
    } else {
        // sqlx names statements that it does not cache as well, from `sqlx_s_1` on every connection, and never closes them.
        // Without names it would fail: it looks up types between the parse and the execution, which removes the unnamed
        // statement.
        "deallocate all"
    };
    let sql = format!(
        "begin; {DISCARD}; set client_encoding = 'UTF8'; set datestyle = 'ISO, MDY'; set timezone = 'UTC'; \
         set application_name = E'{name}'; {statements}; commit"
    );
    sql.into()
}

/// The statements that begin a transaction.
#[derive(Clone, Copy, Default)]
pub(crate) struct Begin {
    /// The last row is the server's name for the transaction.
    pub(crate) identify: bool,
    pub(crate) read_only: bool,
}

impl Begin {
    pub(crate) fn statements(self, server: &Server) -> String {
        let mut statements = Vec::new();
        if let Server::Shared { cleaning, .. } = server {
            statements.push(&**cleaning);
        }
        statements.push(if self.read_only { "begin read only" } else { "begin" });
        if self.identify {
            statements.push(IDENTITY);
        }
        statements.join("; ")
    }
}

/// The position that covers every commit so far. One that is only written or flushed does not cover a commit with
/// `synchronous_commit = off`.
pub(crate) const INSERTED: &str = "select pg_current_wal_insert_lsn()::text";

/// The position up to which the primary has written the log, so that replicas can have received it.
pub(crate) const WRITTEN: &str = "select pg_current_wal_flush_lsn()::text";

/// Returns one of the primary's positions: [`INSERTED`] or [`WRITTEN`].
pub(crate) async fn position(
    connection: &mut PgConnection,
    which: &'static str,
) -> Result<Position, sqlx::Error> {
    let row = sqlx::raw_sql(which).fetch_one(connection).await?;
    row.try_get::<&str, _>(0)?.parse().map_err(|error: NotAPosition| sqlx::Error::Decode(error.into()))
}

/// Returns whether the server is a replica that has replayed the position.
pub(crate) async fn has_replayed(
    connection: &mut PgConnection,
    position: Position,
) -> Result<bool, sqlx::Error> {
    let sql = format!(
        "select pg_is_in_recovery() and coalesce(pg_last_wal_replay_lsn() >= '{position}'::pg_lsn, false)"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(connection).await?.try_get(0)
}

/// What a server reports of itself: the system identifier and the database, which its replicas share.
pub(crate) async fn cluster(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    const SQL: &str =
        "select (select system_identifier from pg_control_system())::text || ' ' || current_database()";
    sqlx::raw_sql(SQL).fetch_one(connection).await?.try_get(0)
}

/// Returns whether the server is a replica, and the age of the newest commit that it has replayed if it has not replayed
/// `written`, which the primary has written; `None`: the primary is unreachable, and the replica's last position is that.
pub(crate) async fn lag(
    connection: &mut PgConnection,
    written: Option<Position>,
) -> Result<(bool, Duration), sqlx::Error> {
    let written = match written {
        Some(written) => format!("'{written}'::pg_lsn"),
        None => "coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())".to_owned(),
    };
    // Of an idle primary the age grows without a lag. Without a commit since the replica's start it is the whole time.
    let sql = format!(
        "select pg_is_in_recovery(), case when pg_last_wal_replay_lsn() >= {written} then 0 else greatest(0, coalesce( \
             extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()), 1e9)) end::float8"
    );
    let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(connection).await?;
    Ok((row.try_get(0)?, Duration::from_secs_f64(row.try_get(1)?)))
}

/// Returns whether transactions on the server write by default, which they do not on a standby.
pub(crate) async fn writes(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    const SQL: &str = "select not current_setting('transaction_read_only')::bool";
    sqlx::raw_sql(SQL).fetch_one(connection).await?.try_get(0)
}

/// Rolls back a transaction that was dropped, when its connection is released, and removes what it left: the next caller
/// would run in it, with its time and snapshot. Returns whether the connection can be used again.
///
/// `identify`: some transactions on the pool began with [`Begin::identify`], of which sqlx does not know.
pub(crate) async fn release(
    connection: &mut PgConnection,
    server: &Server,
    identify: bool,
) -> Result<bool, sqlx::Error> {
    if Manager::get_transaction_depth(connection) > 0 {
        Manager::rollback(connection).await?;
    } else if identify && is_open(connection).await? {
        sqlx::raw_sql("rollback").execute(&mut *connection).await?;
    } else {
        // The server has just responded to the end of the transaction.
        return Ok(true);
    }
    match server.timeouts() {
        Some(timeouts) => reset(connection, timeouts).await,
        None => Ok(true),
    }
}

async fn is_open(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // In a transaction `now()` is the time at which it began, and outside the time of the statement.
    match sqlx::raw_sql("select now() <> statement_timestamp()").fetch_one(connection).await {
        Ok(row) => row.try_get(0),
        // in_failed_sql_transaction (https://www.postgresql.org/docs/15/errcodes-appendix.html)
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("25P02") => Ok(true),
        Err(error) => Err(error),
    }
}

/// Removes what a transaction that has ended has left, and returns whether the connection can be used again.
pub(crate) async fn reset(connection: &mut PgConnection, timeouts: &Timeouts) -> Result<bool, sqlx::Error> {
    const PREPARED: &str = "select count(*), coalesce(bool_or(from_sql), false) from pg_prepared_statements";
    let sql = AssertSqlSafe(format!("{DISCARD}; {}; {PREPARED}", timeouts.0));
    let row = sqlx::raw_sql(sql).fetch_all(&mut *connection).await?.pop().ok_or(sqlx::Error::RowNotFound)?;
    has_only_its_own_statements(connection, &row)
}

/// Whether every prepared statement of the session is one that the driver prepared and keeps. One that SQL prepared, or
/// deallocated, could have taken the name of another.
fn has_only_its_own_statements(connection: &PgConnection, row: &PgRow) -> Result<bool, sqlx::Error> {
    let (count, prepared_by_sql): (i64, bool) = (row.try_get(0)?, row.try_get(1)?);
    let own = i64::try_from(connection.cached_statements_size()).unwrap_or(i64::MAX);
    Ok(count == own && !prepared_by_sql)
}
