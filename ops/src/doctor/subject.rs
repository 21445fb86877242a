//! What the checks examine: one connection that can only read, and what the caller named.

use super::finding::{Engines, Stop};
use super::threshold::Threshold;
use crate::target::connect_with;
use crate::{Error, Target, sqlite};
use chrono::{DateTime, Utc};
use environment::chain;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, PgConnection, SqliteConnection};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The settings of the connection. Names are resolved as the login resolves them. A table that cannot be read completely is
/// an error, and so is a wait for a lock: a check must not stand in a queue before which the application waits.
///
/// They are sent at the start, because `set` would leave them to the next client of a pooler. `PgBouncer` refuses them.
const SETTINGS: [(&str, &str); 5] = [
    ("default_transaction_read_only", "on"),
    ("lock_timeout", "3s"),
    ("row_security", "off"),
    ("statement_timeout", "30s"),
    ("timezone", "UTC"),
];

/// What the caller named.
#[derive(Clone, Default)]
pub struct Request {
    /// The URL of the database, as it was given; `None` for the embedded SQLite file.
    pub url: Option<String>,
    /// The place of the backups.
    pub backups: Option<String>,
    /// The report of the last drill, or a directory of reports.
    pub drill: Option<PathBuf>,
    /// Thresholds by their names that differ from the built-in ones.
    pub thresholds: BTreeMap<&'static str, f64>,
}

// The URL may hold a password.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("backups", &self.backups)
            .field("drill", &self.drill)
            .field("thresholds", &self.thresholds)
            .finish_non_exhaustive()
    }
}

/// The database and what the caller named.
pub struct Subject {
    pub(crate) target: Target,
    pub(crate) request: Request,
    pub(crate) now: DateTime<Utc>,
    connection: Connection,
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject").field("target", &self.target).finish_non_exhaustive()
    }
}

enum Connection {
    Postgres(Box<PgConnection>),
    Sqlite(Box<SqliteConnection>),
}

impl Subject {
    /// Connects.
    pub(crate) async fn open(target: &Target, request: &Request) -> Result<Self, Error> {
        let connection = match target {
            Target::Postgres(options) => {
                Connection::Postgres(Box::new(connect_with((**options).clone().options(SETTINGS)).await?))
            }
            Target::Sqlite(file) => {
                if !file.exists() {
                    return Err(Error::NoFile { target: target.to_string() });
                }
                let mut connection = sqlite::open(file, target, false).await?;
                let failed = Error::statement("`query_only`", target);
                sqlx::raw_sql("pragma query_only = on").execute(&mut connection).await.map_err(failed)?;
                Connection::Sqlite(Box::new(connection))
            }
        };
        Ok(Self { target: target.clone(), request: request.clone(), now: Utc::now(), connection })
    }

    /// The value of a threshold.
    pub(crate) fn limit(&self, threshold: &Threshold) -> f64 {
        self.request.thresholds.get(threshold.name).copied().unwrap_or(threshold.value)
    }

    /// The rows of a query of PostgreSQL.
    pub(crate) async fn rows<Row>(&mut self, sql: &'static str) -> Result<Vec<Row>, Stop>
    where
        Row: for<'row> FromRow<'row, PgRow> + Send + Unpin,
    {
        match &mut self.connection {
            Connection::Postgres(connection) => Ok(sqlx::query_as(sql).fetch_all(&mut **connection).await?),
            Connection::Sqlite(_) => Err(Stop::not_applicable(Engines::Postgres)),
        }
    }

    /// The only row of a query of PostgreSQL.
    pub(crate) async fn row<Row>(&mut self, sql: &'static str) -> Result<Row, Stop>
    where
        Row: for<'row> FromRow<'row, PgRow> + Send + Unpin,
    {
        self.rows(sql).await?.pop().ok_or(Stop::Statement(sqlx::Error::RowNotFound))
    }

    /// The rows of a query of SQLite.
    pub(crate) async fn sqlite_rows<Row>(&mut self, sql: &'static str) -> Result<Vec<Row>, Stop>
    where
        Row: for<'row> FromRow<'row, SqliteRow> + Send + Unpin,
    {
        match &mut self.connection {
            Connection::Sqlite(connection) => Ok(sqlx::query_as(sql).fetch_all(&mut **connection).await?),
            Connection::Postgres(_) => Err(Stop::not_applicable(Engines::Sqlite)),
        }
    }

    /// A name of the catalogue in a statement whose text is not constant, such as the schema of an extension.
    pub(crate) async fn rows_of<Row>(&mut self, sql: String) -> Result<Vec<Row>, Stop>
    where
        Row: for<'row> FromRow<'row, PgRow> + Send + Unpin,
    {
        match &mut self.connection {
            Connection::Postgres(connection) => {
                Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&mut **connection).await?)
            }
            Connection::Sqlite(_) => Err(Stop::not_applicable(Engines::Postgres)),
        }
    }

    /// Stops the check unless the login sees the statistics of all sessions. Without that role the views hide columns instead
    /// of failing (<https://www.postgresql.org/docs/15/predefined-roles.html>).
    pub(crate) async fn requires_all_stats(&mut self) -> Result<(), Stop> {
        let (sees, login): (bool, String) = self
            .row("select pg_has_role(current_user, 'pg_read_all_stats', 'usage'), current_user::text")
            .await?;
        if sees {
            return Ok(());
        }
        Err(Stop::Skip {
            reason: "the login sees its own sessions only".to_owned(),
            fix: Some(format!("grant pg_monitor to {login}")),
        })
    }

    /// The reason for which a check is skipped, and the fix.
    ///
    /// # Errors
    /// The connection is lost: nothing else can be checked.
    pub(crate) fn reason(&self, grant: &str, error: &sqlx::Error) -> Result<(String, Option<String>), Error> {
        let Some(database) = error.as_database_error() else {
            let failed = Error::statement("a check", &self.target);
            return match error {
                sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => {
                    Err(failed(sqlx::Error::Protocol(chain(error))))
                }
                _ => Ok((chain(error), None)),
            };
        };
        // The server ends the session: an administrator, a shutdown, a crash.
        let code = database.code().unwrap_or_default().into_owned();
        if code.starts_with("57P") {
            return Err(Error::statement("a check", &self.target)(sqlx::Error::Protocol(
                database.message().to_owned(),
            )));
        }
        let fix = match code.as_str() {
            "42501" => Some(grant.to_owned()),
            "42P01" => Some("cargo run -p migration -- up".to_owned()),
            "55P03" | "57014" => Some("try again when the server is less busy".to_owned()),
            _ => None,
        };
        Ok((database.message().to_owned(), fix))
    }
}
