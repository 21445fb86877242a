//! Errors, by what the caller can do about them.

use crate::constraint::NAMES;
use crate::settings::SettingsError;
use entity::enums::CampaignStatus;
use environment::{TlsFault, tls_fault};
use sea_orm::{DbErr, RuntimeErr};
use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::postgres::PgDatabaseError;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// The error of a transaction or query.
///
/// No variant contains a value of a row: PostgreSQL's DETAIL (`Key (email)=(…) already exists`) is dropped. `Display` states
/// what happened, and [`source`](std::error::Error::source) returns the cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server refused to bind the actor of a customer transaction.
    #[error("the actor is refused: {0}")]
    Actor(ActorError),
    /// The input violates a constraint of the schema: its name, one of [`crate::constraint`].
    #[error("the constraint {0} is violated")]
    Constraint(String),
    /// Any other error of the database or of a statement.
    #[error("the database failed")]
    Database(#[source] Fault),
    /// The row to insert or update refers to a row that is marked as deleted, or to an erased contact: the name of that
    /// entity, as in `campaign`. The caller reports which one it is, because the input is otherwise valid; a row that is
    /// itself marked as deleted is [`NotFound`](Self::NotFound).
    #[error("the {0} is deleted; refer to one that is not")]
    Deleted(&'static str),
    /// The row belongs to another organization, a privilege is missing (SQLSTATE 42501), or the transaction is read-only
    /// (25006): that of a viewer, or one of [`Database::read`](crate::Database::read).
    #[error("not permitted")]
    Forbidden(#[source] Fault),
    /// The query requires another isolation level.
    #[error("{query} requires the isolation level {required}; this transaction is {found}")]
    IsolationLevel {
        /// The name of the query: `contacts.claim_due`.
        query: &'static str,
        /// The required isolation level.
        required: &'static str,
        /// The isolation level of the transaction.
        found: String,
    },
    /// The row does not exist, is not visible in the transaction's scope, or is marked as deleted: the name of the entity, as
    /// in `campaign`.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The query is written for PostgreSQL, and the database is SQLite.
    #[error("{query} requires PostgreSQL; this database is SQLite")]
    PostgresRequired {
        /// The name of the query: `campaigns.statistics`.
        query: &'static str,
    },
    /// A start-up check of [`Database::connect`](crate::Database::connect) failed: the reason.
    #[error("{0}")]
    Refused(String),
    /// A serialization failure or a deadlock, or a migration changed the columns of a prepared statement; the whole
    /// transaction may succeed when it is run again.
    #[error("the transaction failed because of a concurrent one; run it again")]
    Retry,
    /// The settings are invalid.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// SQLite has no roles and no Row Level Security.
    #[error("a customer transaction requires PostgreSQL; SQLite cannot isolate organizations")]
    SqliteHasNoCustomers,
    /// No organization is bound to the transaction.
    #[error("no organization is bound to this transaction; begin it with Database::customer")]
    ActorRequired,
    /// The server cancelled the statement after the statement timeout.
    #[error("the statement exceeded the statement timeout")]
    Timeout,
    /// The campaign's status does not allow the transition.
    #[error("a campaign cannot change from {from} to {to}")]
    Transition {
        /// The current status.
        from: CampaignStatus,
        /// The requested status.
        to: CampaignStatus,
    },
    /// The server is unreachable, does not respond or has ended the session, or the pool had no free connection in time.
    #[error("the database is unavailable")]
    Unavailable(#[source] Fault),
}

/// The reason why the function `bind_actor` of the schema refused an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActorError {
    /// No organization has this id.
    #[error("the organization does not exist")]
    OrganizationNotFound,
    /// The organization is marked as deleted.
    #[error("the organization is deleted")]
    OrganizationDeleted,
    /// No user has this id.
    #[error("the user does not exist")]
    UserNotFound,
    /// The user is marked as deleted.
    #[error("the user is deleted")]
    UserDeleted,
    /// The user is not a member of the organization.
    #[error("the user is not a member of the organization; add it with user_organizations::add")]
    NotAMember,
    /// The server knows signing keys, and the actor is not signed for this transaction with one of them that is valid.
    #[error(
        "its signature is missing, expired, or made with another key or for another transaction; \
         set CONTEXT_SIGNING_KEY to a key that `cargo run -p migration -- keys list` shows as valid"
    )]
    Signature,
}

impl ActorError {
    /// The meaning of the SQLSTATE, of a class that PostgreSQL leaves to applications.
    fn of(code: &str) -> Option<Self> {
        Some(match code {
            "VA001" => Self::OrganizationNotFound,
            "VA002" => Self::OrganizationDeleted,
            "VA003" => Self::UserNotFound,
            "VA004" => Self::UserDeleted,
            "VA005" => Self::NotAMember,
            "VA006" => Self::Signature,
            _ => return None,
        })
    }
}

/// The error of the server or the driver, without values of a row.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The SQLSTATE, or SQLite's result code; empty for an error of the driver.
    pub code: String,
    /// The message.
    pub message: String,
    /// The remedy, for a failure of TLS and for a pooler without prepared statements.
    remedy: Option<&'static str>,
    /// The driver's error, whose source is the cause, such as the I/O error of a lost connection. `None` for errors that
    /// contain values, as decoding errors do.
    source: Option<Arc<sqlx::Error>>,
}

impl Fault {
    /// An error without a code.
    pub(crate) fn of_driver(message: impl Into<String>) -> Self {
        Self { code: String::new(), message: message.into(), remedy: None, source: None }
    }

    /// Returns the remedy if the certificates, the TLS parameters of the URL or the settings for a pooler are the cause.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        self.remedy
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
        if !self.code.is_empty() {
            write!(f, " ({})", self.code)?;
        }
        self.remedy.map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}

impl StdError for Fault {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // `message` is the message of the sqlx error, so the chain continues with that error's source.
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
            // Their messages contain the value.
            DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. } => Self::undecodable("a value"),
            other => Self::Database(Fault::of_driver(other.to_string())),
        }
    }
}

impl Error {
    fn undecodable(what: &str) -> Self {
        Self::Database(Fault::of_driver(format!("{what} cannot be decoded as the type of its column")))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::from(Arc::new(error))
    }
}

impl From<Arc<sqlx::Error>> for Error {
    fn from(error: Arc<sqlx::Error>) -> Self {
        if let Some(TlsFault { cause, remedy }) = tls_fault(&error) {
            let code =
                error.as_database_error().and_then(DatabaseError::code).unwrap_or_default().into_owned();
            return Self::Unavailable(Fault { code, remedy: Some(remedy), ..Fault::of_driver(cause) });
        }
        let Some(database) = error.as_database_error() else {
            let fault = Fault { source: Some(Arc::clone(&error)), ..Fault::of_driver(error.to_string()) };
            return match &*error {
                sqlx::Error::RowNotFound => Self::NotFound("row"),
                sqlx::Error::ColumnDecode { index, .. } => Self::undecodable(&format!("column {index}")),
                sqlx::Error::Decode(_) => Self::undecodable("a value"),
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
        if let Some(reason) = ActorError::of(&code) {
            return Self::Actor(reason);
        }
        if is_stale_plan(database) {
            return Self::Retry;
        }
        let remedy = is_untracked(database).then_some(UNTRACKED);
        let fault = Fault { code, remedy, ..Fault::of_driver(database.message()) };
        // https://www.postgresql.org/docs/15/errcodes-appendix.html
        match fault.code.as_str() {
            // SQLite: BUSY and LOCKED with their extended codes (https://sqlite.org/rescode.html).
            "40001" | "40P01" | "5" | "6" | "261" | "262" | "517" => Self::Retry,
            "57014" => Self::Timeout,
            // The setting was never set on this connection (42704), or an earlier transaction set it, which leaves '' (22P02).
            "42704" if fault.message.contains("app.") => Self::ActorRequired,
            "22P02" if fault.message.ends_with("type uuid: \"\"") => Self::ActorRequired,
            "25006" | "42501" => Self::Forbidden(fault),
            // Too many connections (53300), idle timeouts (25P03, 25P04), connection exceptions (class 08), and shutdown,
            // crash and start-up of the server (57P).
            "53300" | "25P03" | "25P04" => Self::Unavailable(fault),
            code if code.starts_with("08") || code.starts_with("57P") => Self::Unavailable(fault),
            _ => Self::Database(fault),
        }
    }
}

/// The remedy where the names of the driver's statements reach a server that other clients use as well.
const UNTRACKED: &str = "a pooler assigns connections to transactions and does not track prepared statements; set \
    DATABASE_STATEMENT_CACHE=0, or max_prepared_statements of PgBouncer 1.21 or newer and DATABASE_TRANSACTION_POOLER=true";

/// Whether the server does not have the statement that the driver prepared: it has another one of this name, none, or one
/// whose columns have changed since.
pub(crate) fn is_unprepared(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| has_no_such_statement(error) || is_stale_plan(error))
}

/// Whether the name of a prepared statement is unknown (26000) or in use (42P05).
fn has_no_such_statement(error: &dyn DatabaseError) -> bool {
    matches!(error.code().as_deref(), Some("26000" | "42P05"))
}

/// Whether the name is one of the driver's.
fn is_untracked(error: &dyn DatabaseError) -> bool {
    has_no_such_statement(error) && error.message().contains("\"sqlx_s_")
}

/// Whether a change of a table has changed the columns of a prepared statement, by the function of the server that reports
/// it: the SQLSTATE, 0A000, has other causes, and the message may be translated.
fn is_stale_plan(error: &dyn DatabaseError) -> bool {
    match error.try_downcast_ref::<PgDatabaseError>() {
        Some(error) => error.routine() == Some("RevalidateCachedQuery"),
        None => error.try_downcast_ref::<Stripped>().is_some_and(|error| error.is_stale_plan),
    }
}

/// The name of the violated constraint. SQLite reports it in the message: the columns for a unique constraint, and nothing
/// for a foreign key.
fn constraint(error: &dyn DatabaseError) -> Option<String> {
    if let Some(name) = error.constraint() {
        return Some(of_table(name).unwrap_or(name).to_owned());
    }
    // What Citus reports of a node has no fields beside the code and the message.
    if error.code().is_some_and(|code| code.starts_with("23"))
        && let Some((_, rest)) = error.message().split_once("constraint \"")
        && let Some((name, _)) = rest.split_once('"')
        && let Some(name) = of_table(name)
    {
        return Some(name.to_owned());
    }
    let (what, name) = error.message().split_once(" constraint failed")?;
    let name = name.strip_prefix(": ").unwrap_or(what);
    Some(name.to_owned())
}

/// The name without the number of a shard of Citus; `None`: it has none.
fn of_table(name: &str) -> Option<&str> {
    let (of_table, _) = name.rsplit_once('_')?;
    NAMES.binary_search(&of_table).is_ok().then_some(of_table)
}

/// The error of a call without a response in time.
pub(crate) fn no_response(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)))
}

/// The error of a write on a server that was the primary and is not any more.
pub(crate) fn demoted() -> DbErr {
    let message = "the server is a standby and no longer the primary; the connection was closed, and the next one is \
                   to another host of the URL";
    no_response(sqlx::Error::Io(std::io::Error::other(message)))
}

/// Drops PostgreSQL's DETAIL, which contains values and which `Debug` prints.
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

/// A database error without its DETAIL, which the driver's type cannot drop.
#[derive(Debug)]
struct Stripped {
    code: Option<String>,
    message: String,
    constraint: Option<String>,
    table: Option<String>,
    /// `ErrorKind` as text: [`DatabaseError::kind`] returns it by value on each call, and as it implements neither `Clone`
    /// nor `Copy`, a stored one could not be returned. Nor can the server's error be kept to ask it: it holds the DETAIL.
    kind: &'static str,
    is_stale_plan: bool,
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
            is_stale_plan: is_stale_plan(error),
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
