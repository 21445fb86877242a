//! Errors, each with its object, its place and the remedy.

use environment::{NotASigningKey, OLDEST_POSTGRES};
use sea_orm_migration::sea_orm::prelude::Uuid;
use sea_orm_migration::sea_orm::{DbErr, RuntimeErr};
use sqlx::postgres::PgDatabaseError;
use std::time::Duration;

/// Why a command of the migrator failed. No message holds a password.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of the column documentation is malformed.
    #[error("migration/schema_annotations.yaml is malformed; correct it and build again")]
    Annotations(#[source] serde_saphyr::Error),
    /// `migration/accepted_digests.yaml` is not a list of accepted digests.
    #[error("migration/accepted_digests.yaml is malformed; correct it and build again")]
    AcceptedDigests(#[source] serde_saphyr::Error),
    /// Applied migrations have other statements than when they were applied.
    #[error(
        "the {target} has a migration that was changed since: {changes}; restore it and write a new one for the \
         change, create the database again with fresh, or, if the change is known to be harmless, accept the earlier \
         digest in migration/accepted_digests.yaml"
    )]
    Changed {
        /// The database.
        target: String,
        /// Each migration with the first statement that differs.
        changes: String,
    },
    /// The connection was lost, and with it the lock.
    #[error("the connection to the {target} was lost, and the migration lock with it; run the command again")]
    ConnectionLost {
        /// The database.
        target: String,
    },
    /// The database refused a statement.
    #[error("{what} failed on the {target}: {cause}{remedy}")]
    Database {
        /// The command or migration.
        what: String,
        /// The database.
        target: String,
        /// The message of the database.
        cause: String,
        /// The remedy, after a semicolon; empty if none is known.
        remedy: String,
    },
    /// The database has migrations that this build does not know.
    #[error(
        "the {target} has the migration {names}, which this build does not know; \
         run a build that has it, or restore its file"
    )]
    DatabaseIsAhead {
        /// The database.
        target: String,
        /// The migrations, separated by commas.
        names: String,
    },
    /// The file `.env` cannot be used.
    #[error(transparent)]
    DotEnv(#[from] environment::DotEnvError),
    /// The statements of a migration cannot be recorded without a database.
    #[error(
        "the migration {migration} cannot be recorded without a database: {cause}; \
         remove its queries, and write `if exists` or `if not exists` in its SQL"
    )]
    Emission {
        /// The migration.
        migration: String,
        /// The failure.
        cause: String,
    },
    /// A source file of a new migration cannot be read or written.
    #[error("the migration cannot be generated: {file}: {cause}")]
    Generate {
        /// The file.
        file: String,
        /// What failed.
        cause: String,
    },
    /// Another session held the migration lock for too long.
    #[error(
        "the migration lock of the {target} was not free within {} s: {holder} holds it; \
         wait for that run, raise --lock-wait, or end it",
        waited.as_secs()
    )]
    LockHeld {
        /// The database.
        target: String,
        /// The process that holds the lock.
        holder: String,
        /// How long this run waited.
        waited: Duration,
    },
    /// The mark is not removed without the name of the database.
    #[error("the mark of the {target} is not removed: --confirm does not repeat its name, \"{database}\"")]
    MarkNotConfirmed {
        /// The database.
        target: String,
        /// Its name on the server.
        database: String,
    },
    /// The name of a new migration is malformed.
    #[error(
        "`{0}` is not a name for a migration; use a verb and an object in snake case: index_contacts_by_due_time"
    )]
    MigrationName(String),
    /// The key is the last valid one, without which no customer transaction could begin.
    #[error(
        "the key {id} is the last valid one of the {target}; add another one first, \
         or accept unsigned actors again with: cargo run -p migration -- keys disable"
    )]
    LastKey {
        /// The database.
        target: String,
        /// The key.
        id: Uuid,
    },
    /// The database lacks the table of signing keys.
    #[error("the {target} has no table signing_keys; run: cargo run -p migration -- up")]
    NoSigningKeys {
        /// The database.
        target: String,
    },
    /// The operating system has no random numbers.
    #[error("the operating system's random source failed: {0}")]
    Random(String),
    /// SQLite has no customer transactions, whose actors could be signed.
    #[error("signing keys require PostgreSQL; SQLite has no customer transactions")]
    SigningOnSqlite,
    /// The variable with the key to add is missing or malformed.
    #[error("CONTEXT_SIGNING_KEY is not a key")]
    SigningKey(#[from] NotASigningKey),
    /// No valid key has this id.
    #[error("the {target} has no valid key {id}; see: cargo run -p migration -- keys list")]
    UnknownKey {
        /// The database.
        target: String,
        /// The id.
        id: Uuid,
    },
    /// The server is too old.
    #[error("the {target} runs version {version}; PostgreSQL {OLDEST_POSTGRES} or newer is needed")]
    OldServer {
        /// The database.
        target: String,
        /// The server's version.
        version: String,
    },
    /// Pending migrations are older than one that is applied.
    #[error(
        "the pending migration {names} is older than {newest}, which the {target} has; \
         generate it again with a later name, or roll back to it with down"
    )]
    OutOfOrder {
        /// The database.
        target: String,
        /// The pending migrations, separated by commas.
        names: String,
        /// The newest that is applied.
        newest: String,
    },
    /// A command that destroys data is not permitted on the database.
    #[error(transparent)]
    NotPermitted(#[from] environment::Refusal),
    /// Production requires PostgreSQL.
    #[error("APP_ENV is production and DATABASE_URL names a SQLite file; production runs on PostgreSQL")]
    ProductionOnSqlite,
    /// Production requires an explicit database.
    #[error(
        "APP_ENV is production and DATABASE_URL is not set; set it to postgres://user:password@host/database"
    )]
    ProductionWithoutUrl,
    /// The URL is of another engine.
    #[error("DATABASE_URL is neither postgres://… nor sqlite:…; no other database is supported")]
    Scheme,
    /// SQLite has no mark.
    #[error(
        "the {target} has no mark: only a PostgreSQL database is marked as production; correct DATABASE_URL"
    )]
    SqliteHasNoMark {
        /// The database.
        target: String,
    },
    /// The database cannot be reached.
    #[error("the {target} cannot be reached: {cause}{remedy}")]
    Unreachable {
        /// The database.
        target: String,
        /// The failure.
        cause: String,
        /// The remedy, after a semicolon.
        remedy: String,
    },
    /// The file of a migration has still to be written, in whole or in part.
    #[error("the migration {migration} is not finished: {cause}")]
    Unfinished {
        /// The migration.
        migration: String,
        /// What is missing.
        cause: String,
    },
    /// The URL cannot be used.
    #[error("DATABASE_URL {0}")]
    Url(environment::UrlError),
}

impl Error {
    pub(crate) fn emission(migration: &str, error: &DbErr) -> Self {
        let migration = migration.to_owned();
        match error {
            DbErr::Migration(text) => Self::Unfinished { migration, cause: text.clone() },
            DbErr::Custom(text) => Self::Emission { migration, cause: text.clone() },
            other => Self::Emission { migration, cause: other.to_string() },
        }
    }

    /// An error of a statement, with the remedy for its SQLSTATE.
    pub(crate) fn database(what: impl Into<String>, target: &impl ToString, error: &DbErr) -> Self {
        let target = target.to_string();
        let Some(sqlx) = sqlx_error(error) else {
            let cause = match error {
                DbErr::Custom(text) | DbErr::Migration(text) => text.clone(),
                other => other.to_string(),
            };
            return Self::Database { what: what.into(), target, cause, remedy: String::new() };
        };
        if matches!(sqlx, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) {
            return Self::ConnectionLost { target };
        }
        let Some(cause) = sqlx.as_database_error() else {
            return Self::Database {
                what: what.into(),
                target,
                cause: sqlx.to_string(),
                remedy: String::new(),
            };
        };
        Self::Database {
            what: what.into(),
            target,
            cause: cause.message().to_owned(),
            remedy: remedy(sqlx).map(|remedy| format!("; {remedy}")).unwrap_or_default(),
        }
    }

    /// An error of a connection attempt.
    pub(crate) fn unreachable(target: &impl ToString, error: &sqlx::Error) -> Self {
        let (cause, remedy) = match (environment::tls_fault(error), error) {
            (Some(fault), _) => (fault.cause, Some(fault.remedy.to_owned())),
            (None, sqlx::Error::Database(source)) => (source.message().to_owned(), remedy(error)),
            (None, sqlx::Error::Io(source)) => (
                source.to_string(),
                Some("start the server, or correct the host and port of DATABASE_URL".to_owned()),
            ),
            (None, other) => (other.to_string(), None),
        };
        Self::Unreachable {
            target: target.to_string(),
            cause,
            remedy: remedy.map(|remedy| format!("; {remedy}")).unwrap_or_default(),
        }
    }
}

/// The driver's error inside SeaORM's.
pub(crate) fn sqlx_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(source))
        | DbErr::Exec(RuntimeErr::SqlxError(source))
        | DbErr::Query(RuntimeErr::SqlxError(source)) => Some(source),
        _ => None,
    }
}

/// The SQLSTATE of PostgreSQL, or SQLite's extended result code.
pub(crate) fn code(error: &DbErr) -> Option<String> {
    sqlx_error(error)?.as_database_error()?.code().map(std::borrow::Cow::into_owned)
}

/// The remedy for a database's error: its own hint, the migrator's option, or the common remedy for its code.
fn remedy(error: &sqlx::Error) -> Option<String> {
    let database = error.as_database_error()?;
    if let Some(hint) = database.try_downcast_ref::<PgDatabaseError>().and_then(PgDatabaseError::hint) {
        return Some(hint.trim_end_matches('.').to_owned());
    }
    let code = database.code()?;
    let text = match code.as_ref() {
        "3F000" => "create the schema first, or correct --database-schema",
        "55P03" => {
            "another session holds a lock on the table: try again when it is quiet, or raise --lock-timeout"
        }
        "5" | "261" | "517" => "another process writes to the file: try again, or raise --lock-wait",
        code => environment::remedy(code)?,
    };
    Some(text.to_owned())
}
