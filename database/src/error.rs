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
/// None of them holds a row's values: PostgreSQL's DETAIL (`Key (email)=(…) already exists`) is dropped before
/// anything can print it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rule of the schema was broken: the input is at fault. It carries the constraint's name.
    #[error("refused by the constraint {0}")]
    Constraint(String),
    /// The database failed, or the code that asks it.
    #[error("the database failed: {0}")]
    Database(Fault),
    /// A row of another organization was to be made, or a privilege is missing.
    #[error("not permitted: {0}")]
    Forbidden(Fault),
    /// The row is not there, or not visible to this tenant.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The start-up check refused the connection.
    #[error("{0}")]
    Refused(String),
    /// A race was lost; the whole transaction may succeed when it is run again.
    #[error("a concurrent transaction was in the way; run the transaction again")]
    Retry,
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// SQLite knows no roles and no Row Level Security.
    #[error("a customer's transaction needs PostgreSQL; SQLite cannot keep organizations apart")]
    SqliteHasNoCustomers,
    /// No organization is bound to the transaction.
    #[error("no organization is bound to this transaction; begin it with Database::customer")]
    TenantRequired,
    /// The server took longer than the statement timeout.
    #[error("the statement took longer than the statement timeout")]
    Timeout,
    /// A campaign does not come from the one status to the other.
    #[error("a campaign that is {from} cannot become {to}")]
    Transition {
        /// The status that it is in.
        from: CampaignStatus,
        /// The status that it was to take.
        to: CampaignStatus,
    },
    /// The server cannot be reached, does not answer or ended the session, or every connection of the pool is taken.
    #[error("the database is not available: {0}")]
    Unavailable(Fault),
}

/// What the server or the driver said, without a row's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The SQLSTATE, or SQLite's result code; empty where the driver failed.
    pub code: String,
    /// The message.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.code.is_empty() { Ok(()) } else { write!(f, " ({})", self.code) }
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match error {
            DbErr::Conn(RuntimeErr::SqlxError(source))
            | DbErr::Exec(RuntimeErr::SqlxError(source))
            | DbErr::Query(RuntimeErr::SqlxError(source)) => Self::from(&*source),
            DbErr::ConnectionAcquire(error) => {
                Self::Unavailable(Fault { code: String::new(), message: error.to_string() })
            }
            DbErr::RecordNotFound(_) | DbErr::RecordNotUpdated => Self::NotFound("row"),
            // These hold the value.
            DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. } => Self::unreadable("a value"),
            other => Self::Database(Fault { code: String::new(), message: other.to_string() }),
        }
    }
}

impl Error {
    fn unreadable(what: &str) -> Self {
        let message = format!("{what} cannot be read as the type of its column");
        Self::Database(Fault { code: String::new(), message })
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&sqlx::Error> for Error {
    fn from(error: &sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            let fault = Fault { code: String::new(), message: error.to_string() };
            return match error {
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
        let fault = Fault { code, message: database.message().to_owned() };
        // https://www.postgresql.org/docs/15/errcodes-appendix.html
        match fault.code.as_str() {
            // And SQLite's: busy or locked, also because what was read has changed (https://sqlite.org/rescode.html).
            "40001" | "40P01" | "5" | "6" | "261" | "262" | "517" => Self::Retry,
            "57014" => Self::Timeout,
            // The setting was never bound on this connection, or was and is over.
            "42704" if fault.message.contains("app.") => Self::TenantRequired,
            "22P02" if fault.message.ends_with("type uuid: \"\"") => Self::TenantRequired,
            "42501" => Self::Forbidden(fault),
            // Too many connections, sessions ended for their idleness, lost ones (class 08), and what the operator did
            // (shutdown, crash, start-up).
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

/// The error of a call that got no answer.
pub(crate) fn silent(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)))
}

/// An error of a transaction with the DETAIL taken out, which `Debug` would print.
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

/// A database's error reduced to what names no value.
#[derive(Debug)]
struct Stripped {
    code: Option<String>,
    message: String,
    constraint: Option<String>,
    table: Option<String>,
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
