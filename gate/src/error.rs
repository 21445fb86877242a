//! Why nobody could find out what is wrong, as opposed to what is.

use std::path::PathBuf;

/// Why the gate could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The PostgreSQL was lost, or answers what none should.
    #[error("PostgreSQL cannot be asked")]
    Database(#[from] sqlx::Error),
    /// The generator of entities refuses the schema.
    #[error("sea-orm-codegen cannot write entities for this schema")]
    Entities(#[from] sea_orm_codegen::Error),
    /// Another version of the sources cannot be had.
    #[error("git cannot show the lock of {base}: {reason}; name a branch or commit with --base")]
    Git {
        /// The version.
        base: String,
        /// What git says.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was to be done, as a verb.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A live database cannot be reached.
    #[error("cannot ask the {target}")]
    Live {
        /// Where it is, without its password.
        target: String,
        /// Why not.
        source: sqlx::Error,
    },
    /// The ledger is there and closed to this login.
    #[error("cannot read which migrations are applied; grant select on seaql_migrations to this login")]
    Ledger(#[source] sqlx::Error),
    /// The schema cannot be made.
    #[error("the migrations fail")]
    Migration(#[from] migration::Error),
    /// A change of a migration's SQL cannot be made.
    #[error("`{text}` is not there to be replaced in what {migration} executes")]
    Mutation {
        /// The migration.
        migration: &'static str,
        /// What was to be replaced.
        text: &'static str,
    },
    /// A live database is not a PostgreSQL one.
    #[error("only a PostgreSQL database, postgres://…, can be asked")]
    NotPostgres,
    /// A live database is on a server whose catalogue says less.
    #[error("the {target} is on a server older than PostgreSQL 15")]
    OldServer {
        /// Where it is, without its password.
        target: String,
    },
    /// A rule's query is refused.
    #[error("the rule {rule} cannot be asked")]
    Rule {
        /// The rule.
        rule: &'static str,
        /// What PostgreSQL says.
        source: sqlx::Error,
    },
    /// The generated code cannot be formatted.
    #[error("rustfmt cannot format the generated code: {0}; if it is missing: rustup component add rustfmt")]
    Rustfmt(String),
    /// There is no PostgreSQL.
    #[error("no PostgreSQL to ask")]
    Scratch(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An entity is not Rust, or not one.
    #[error("cannot understand {}: {reason}", path.display())]
    Source {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
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
