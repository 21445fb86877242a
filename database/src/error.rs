//! Errors by what the caller can do about them.

use crate::settings::SettingsError;
use entity::enums::CampaignStatus;
use sea_orm::{DbErr, RuntimeErr};
use sqlx::error::{DatabaseError, ErrorKind};
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// Why a transaction or query failed.
///
/// No variant holds a row's values: PostgreSQL's DETAIL (`Key (email)=(…) already exists`) is dropped before anything
/// can print it. `Display` states what happened, without the cause; [`std::error::Error::source`] leads to the cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A constraint of the schema refused the row: the input is at fault. It carries the constraint's name, one of
    /// [`crate::constraint`].
    #[error("refused by the constraint {0}")]
    Constraint(String),
    /// The database failed, or the code that uses it.
    #[error("the database failed")]
    Database(#[source] Fault),
    /// The row belongs to another organization, or a privilege is missing (SQLSTATE 42501).
    #[error("not permitted")]
    Forbidden(#[source] Fault),
    /// The query needs another isolation level.
    #[error("{query} needs the isolation level {required}; this transaction is {found}")]
    IsolationLevel {
        /// The query, as in `contacts.claim_due`.
        query: &'static str,
        /// The isolation level that it needs.
        required: &'static str,
        /// The isolation level of the transaction.
        found: String,
    },
    /// The row does not exist or is not visible to this actor. It carries the entity, as in `campaign`.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The query is written for PostgreSQL, and the transaction is one of SQLite.
    #[error("{query} needs PostgreSQL; this transaction is one of SQLite")]
    PostgresRequired {
        /// The query, as in `campaigns.statistics`.
        query: &'static str,
    },
    /// The start-up check refused the connection.
    #[error("{0}")]
    Refused(String),
    /// A serialization failure or a deadlock; the whole transaction may succeed when it is run again.
    #[error("a concurrent transaction was in the way; run the transaction again")]
    Retry,
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// SQLite has no roles and no Row Level Security.
    #[error("a customer transaction needs PostgreSQL; SQLite cannot isolate organizations")]
    SqliteHasNoCustomers,
    /// No organization is bound to the transaction.
    #[error("no organization is bound to this transaction; begin it with Database::customer")]
    TenantRequired,
    /// The statement ran longer than the statement timeout.
    #[error("the statement took longer than the statement timeout")]
    Timeout,
    /// The campaign cannot change from the one status to the other.
    #[error("a campaign that is {from} cannot become {to}")]
    Transition {
        /// Its present status.
        from: CampaignStatus,
        /// The status it was to take.
        to: CampaignStatus,
    },
    /// The server cannot be reached, does not answer or ended the session, or every connection of the pool is taken.
    #[error("the database is not available")]
    Unavailable(#[source] Fault),
}

/// The report of the server or the driver, without a row's values.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The SQLSTATE, or SQLite's result code; empty for an error of the driver.
    pub code: String,
    /// The message.
    pub message: String,
    /// The driver's error where it says more than the message, such as the I/O error of a lost connection. Errors that
    /// hold values, as those of decoding do, are left out.
    source: Option<Arc<sqlx::Error>>,
}

impl Fault {
    /// An error that has no code.
    pub(crate) fn of_driver(message: impl Into<String>) -> Self {
        Self { code: String::new(), message: message.into(), source: None }
    }
}

impl PartialEq for Fault {
    fn eq(&self, other: &Self) -> bool {
        (&self.code, &self.message) == (&other.code, &other.message)
    }
}

impl Eq for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.code.is_empty() { Ok(()) } else { write!(f, " ({})", self.code) }
    }
}

impl StdError for Fault {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // The message repeats that of the sqlx error, so the chain goes on with the source of that error.
        self.source.as_deref().and_then(StdError::source)
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match error {
            DbErr::Conn(RuntimeErr::SqlxError(source))
            | DbErr::Exec(RuntimeErr::SqlxError(source))
            | DbErr::Query(RuntimeErr::SqlxError(source)) => Self::from(source),
            DbErr::ConnectionAcquire(error) => Self::Unavailable(Fault::of_driver(error.to_string())),
            DbErr::RecordNotFound(_) | DbErr::RecordNotUpdated => Self::NotFound("row"),
            // These hold the value.
            DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. } => Self::unreadable("a value"),
            other => Self::Database(Fault::of_driver(other.to_string())),
        }
    }
}

impl Error {
    fn unreadable(what: &str) -> Self {
        Self::Database(Fault::of_driver(format!("{what} cannot be read as the type of its column")))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::from(Arc::new(error))
    }
}

impl From<Arc<sqlx::Error>> for Error {
    fn from(error: Arc<sqlx::Error>) -> Self {
        let Some(database) = error.as_database_error() else {
            let fault = Fault { source: Some(Arc::clone(&error)), ..Fault::of_driver(error.to_string()) };
            return match &*error {
                sqlx::Error::RowNotFound => Self::NotFound("row"),
                sqlx::Error::ColumnDecode { index, .. } => Self::unreadable(&format!("column {index}")),
                sqlx::Error::Decode(_) => Self::unreadable("a value"),
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed => Self::Unavailable(fault),
                _ => Self::Database(fault),
            };
        };
        if let Some(name) = constraint(database) {
            return Self::Constraint(name);
        }
        let code = database.code().unwrap_or_default().into_owned();
        let fault = Fault { code, ..Fault::of_driver(database.message()) };
        // https://www.postgresql.org/docs/15/errcodes-appendix.html
        match fault.code.as_str() {
            // And SQLite's: busy or locked, also because what was read has changed (https://sqlite.org/rescode.html).
            "40001" | "40P01" | "5" | "6" | "261" | "262" | "517" => Self::Retry,
            "57014" => Self::Timeout,
            // The setting was never bound on this connection (42704), or was bound by an earlier transaction (22P02).
            "42704" if fault.message.contains("app.") => Self::TenantRequired,
            "22P02" if fault.message.ends_with("type uuid: \"\"") => Self::TenantRequired,
            "42501" => Self::Forbidden(fault),
            // Too many connections, sessions ended for idleness, lost connections (class 08), and operator intervention
            // (class 57P: shutdown, crash, start-up).
            "53300" | "25P03" | "25P04" => Self::Unavailable(fault),
            code if code.starts_with("08") || code.starts_with("57P") => Self::Unavailable(fault),
            _ => Self::Database(fault),
        }
    }
}

/// The name of the constraint that refused a row. SQLite has it in the message, for a unique constraint as its
/// columns, and for a foreign key not at all.
fn constraint(error: &dyn DatabaseError) -> Option<String> {
    if let Some(name) = error.constraint() {
        return Some(name.to_owned());
    }
    let (what, name) = error.message().split_once(" constraint failed")?;
    let name = name.strip_prefix(": ").unwrap_or(what);
    Some(name.to_owned())
}

/// The error of a call that the server did not answer in time.
pub(crate) fn silent(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)))
}

/// The error without PostgreSQL's DETAIL, which `Debug` would print.
pub(crate) fn without_values(error: DbErr) -> DbErr {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(source)) => DbErr::Conn(strip(source)),
        DbErr::Exec(RuntimeErr::SqlxError(source)) => DbErr::Exec(strip(source)),
        DbErr::Query(RuntimeErr::SqlxError(source)) => DbErr::Query(strip(source)),
        other => other,
    }
}

fn strip(source: Arc<sqlx::Error>) -> RuntimeErr {
    match source.as_database_error() {
        Some(error) => RuntimeErr::SqlxError(Arc::new(sqlx::Error::Database(Box::new(Stripped::of(error))))),
        None => RuntimeErr::SqlxError(source),
    }
}

/// A database error reduced to what holds no value.
#[derive(Debug)]
struct Stripped {
    code: Option<String>,
    message: String,
    constraint: Option<String>,
    table: Option<String>,
    /// `ErrorKind` as text, because it implements neither `Clone` nor `Copy`, and [`DatabaseError::kind`] returns it by
    /// value.
    kind: &'static str,
}

impl Stripped {
    fn of(error: &dyn DatabaseError) -> Self {
        let kind = match error.kind() {
            ErrorKind::UniqueViolation => "unique",
            ErrorKind::ForeignKeyViolation => "foreign key",
            ErrorKind::NotNullViolation => "not null",
            ErrorKind::CheckViolation => "check",
            ErrorKind::ExclusionViolation => "exclusion",
            _ => "other",
        };
        Self {
            code: error.code().map(std::borrow::Cow::into_owned),
            message: error.message().to_owned(),
            constraint: error.constraint().map(ToOwned::to_owned),
            table: error.table().map(ToOwned::to_owned),
            kind,
        }
    }
}

impl fmt::Display for Stripped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Stripped {}

impl DatabaseError for Stripped {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.code.as_deref().map(Into::into)
    }

    fn constraint(&self) -> Option<&str> {
        self.constraint.as_deref()
    }

    fn table(&self) -> Option<&str> {
        self.table.as_deref()
    }

    fn kind(&self) -> ErrorKind {
        match self.kind {
            "unique" => ErrorKind::UniqueViolation,
            "foreign key" => ErrorKind::ForeignKeyViolation,
            "not null" => ErrorKind::NotNullViolation,
            "check" => ErrorKind::CheckViolation,
            "exclusion" => ErrorKind::ExclusionViolation,
            _ => ErrorKind::Other,
        }
    }

    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
        self
    }
}
