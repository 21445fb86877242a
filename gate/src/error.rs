//! Why a check failed to run, as opposed to what it found.

use std::path::PathBuf;

/// Why the gate could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A statement or connection of the gate's own fails.
    #[error("PostgreSQL failed")]
    Database(#[from] sqlx::Error),
    /// sea-orm-codegen rejects the schema.
    #[error("sea-orm-codegen cannot generate entities for this schema")]
    Entities(#[from] sea_orm_codegen::Error),
    /// git cannot read the version to compare with.
    #[error("git cannot show the lock of {base}: {reason}; name a branch or commit with --base")]
    Git {
        base: String,
        /// The message of git.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// The action as a verb.
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    /// A live database cannot be reached.
    #[error("cannot connect to the {target}")]
    Live {
        /// Where it is, without its password.
        target: String,
        source: sqlx::Error,
    },
    /// A live database cannot be reached because of TLS.
    #[error("cannot connect to the {target}: {}; {}", fault.cause, fault.remedy)]
    Tls {
        /// Where it is, without its password.
        target: String,
        /// The cause and the remedy.
        fault: environment::TlsFault,
    },
    /// The login may not read the ledger.
    #[error("cannot read which migrations are applied; grant select on seaql_migrations to this login")]
    Ledger(#[source] sqlx::Error),
    /// A migration fails.
    #[error("the migrations failed")]
    Migration(#[from] migration::Error),
    /// The self-test cannot change the SQL of a migration.
    #[error("{migration} executes nothing that contains `{text}`")]
    Mutation {
        migration: &'static str,
        /// The text to replace.
        text: &'static str,
    },
    /// A live database is not a PostgreSQL one.
    #[error("only a PostgreSQL database, postgres://…, can be compared")]
    NotPostgres,
    /// The server of a live database is too old.
    #[error("the {target} is on a server older than PostgreSQL 15")]
    OldServer {
        /// Where it is, without its password.
        target: String,
    },
    /// PostgreSQL rejects the query of a rule.
    #[error("the query of the rule {rule} failed")]
    Rule { rule: &'static str, source: sqlx::Error },
    /// The generated code cannot be formatted.
    #[error("rustfmt cannot format the generated code: {0}; if it is missing: rustup component add rustfmt")]
    Rustfmt(String),
    /// No PostgreSQL could be started or reached.
    #[error("no PostgreSQL for the checks")]
    Scratch(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A source file cannot be parsed.
    #[error("cannot parse {}: {reason}", path.display())]
    Source {
        path: PathBuf,
        /// The message of the parser.
        reason: String,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

/// The message of PostgreSQL without its context, or the whole error if it is another's.
pub(crate) fn reason(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |database| database.message().to_owned())
}
