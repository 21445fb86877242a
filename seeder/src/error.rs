//! Errors, each with its object, its place and the remedy.

use std::{fmt, io, path::PathBuf, sync::Arc};

use database::SettingsError;
use sea_orm::{DbErr, RuntimeErr};

/// A failed load or run. No message contains a password or the content of a personal field.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another run works on the database.
    #[error("another run of seeder works on the {target}; wait until it has ended")]
    Busy {
        /// The database.
        target: String,
    },
    /// A statement failed for a reason other than the fixtures.
    #[error("the database refused to go on with {table}: {cause}{remedy}")]
    Database {
        /// The table that was read or written.
        table: String,
        /// The message of the database.
        cause: String,
        /// The remedy, after a semicolon; empty if none is known.
        remedy: String,
    },
    /// A row to which generated rows refer is missing.
    #[error(
        "a row of {table} that this run wrote is gone, and what belongs to it cannot be generated; generate into an empty \
         database"
    )]
    Deleted {
        /// The referenced table.
        table: String,
    },
    /// The directory of fixtures cannot be read.
    #[error("the fixture directory {} cannot be read", path.display())]
    Directory {
        /// The path as given.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// The file `.env` cannot be used.
    #[error(transparent)]
    DotEnv(#[from] environment::DotEnvError),
    /// The directory of fixtures contains no YAML file.
    #[error("the fixture directory {} holds no YAML file; name the files {tables}", path.display())]
    Empty {
        /// The path as given.
        path: PathBuf,
        /// The accepted file names.
        tables: String,
    },
    /// Data cannot be generated into a database with rows, unless they are added to.
    #[error(
        "the {target} contains data already; add to them with --append, continue a run that ended early with --resume, or \
         choose an empty database{runs}"
    )]
    Filled {
        /// The database.
        target: String,
        /// The runs that generated them, after a full stop; empty if none is known.
        runs: String,
    },
    /// A fixture file cannot be read.
    #[error("{} cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// A fixture is invalid.
    #[error("{place}: {fault}")]
    Fixture {
        /// The place of the fault.
        place: Place,
        /// The fault.
        fault: Fault,
    },
    /// A run was stopped by a signal.
    #[error("stopped: {holds}; continue with: {command}")]
    Interrupted {
        /// What the database holds.
        holds: String,
        /// The command that continues.
        command: String,
    },
    /// The file of the SQLite database does not exist.
    #[error("the {target} does not exist; run: cargo run -p migration -- up")]
    NoFile {
        /// The database.
        target: String,
    },
    /// The database lacks migrations of this build.
    #[error("the {target} cannot be filled: {cause}")]
    NotMigrated {
        /// The database.
        target: String,
        /// The missing migrations, and the command to run.
        cause: String,
    },
    /// A file of the directory is not named after a table.
    #[error("{}: no table has this name; name the file {tables}", path.display())]
    NotATable {
        /// The file.
        path: PathBuf,
        /// The accepted file names.
        tables: String,
    },
    /// The run to continue is not in the database.
    #[error(
        "the {target} contains no run of {parameters}; continue with the parameters of a run that it contains, or add this \
         one with --append{runs}"
    )]
    NotBegun {
        /// The database.
        target: String,
        /// The parameters.
        parameters: String,
        /// The runs that it contains, after a full stop; empty if none is known.
        runs: String,
    },
    /// Fixtures are not permitted on the database.
    #[error(transparent)]
    NotPermitted(#[from] environment::Refusal),
    /// The run is in the database already.
    #[error(
        "the {target} contains a run of {parameters} already; complete it with --resume, or add other data with --append and \
         another --seed"
    )]
    Present {
        /// The database.
        target: String,
        /// The parameters.
        parameters: String,
    },
    /// The report could not be printed.
    #[error("the run succeeded, but its report cannot be printed")]
    Report(#[source] io::Error),
    /// Row Level Security hides rows from the login.
    #[error("Row Level Security hides rows from this login; check with the login that owns the tables")]
    RowSecurity,
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The handler of signals could not be installed.
    #[error("the signals cannot be handled")]
    Signals(#[from] ctrlc::Error),
    /// A thread that generates rows ended.
    #[error("a thread that generates rows ended early")]
    Thread,
    /// The type of a column has no encoding.
    #[error(
        "the column {column} cannot be written by COPY: {cause}; add its type to seeder/src/generate/copy.rs"
    )]
    Unencodable {
        /// The column.
        column: String,
        /// The reason.
        cause: String,
    },
    /// The database cannot be reached.
    #[error("the {target} cannot be reached: {cause}{remedy}")]
    Unreachable {
        /// The database.
        target: String,
        /// The failure.
        cause: String,
        /// The remedy, after a semicolon; empty if none is known.
        remedy: String,
    },
    /// The URL cannot be used.
    #[error("DATABASE_URL {0}")]
    Url(environment::UrlError),
}

/// A fault of a fixture. It names fields and constraints, not values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A key refers to a record that is neither in the fixtures nor in the database.
    #[error("field `{column}`: no record of {table} has this id, in the fixtures or in the database")]
    Dangling {
        /// The field.
        column: String,
        /// The table it refers to.
        table: String,
    },
    /// Two records have the same id, or the same value of another unique key.
    #[error("the same {columns} as the record in line {line}")]
    Duplicate {
        /// The fields of the key.
        columns: String,
        /// The first of the two records.
        line: u64,
    },
    /// A key refers to a record of another tenant.
    #[error("field `{column}`: the record of {table} with this id belongs to another organization")]
    Foreign {
        /// The field.
        column: String,
        /// The table it refers to.
        table: String,
    },
    /// The database cannot store the value exactly.
    #[error("field `{column}`: {reason}")]
    Inexact {
        /// The field.
        column: String,
        /// The reason.
        reason: String,
    },
    /// The database refused the record.
    #[error("{}refused by {constraint}{hint}", .column.map(|column| format!("field `{column}`: ")).unwrap_or_default())]
    Refused {
        /// The field that the constraint is about, `None` if it is about several.
        column: Option<&'static str>,
        /// The constraint, or a description of it.
        constraint: String,
        /// How to satisfy it, after a semicolon; empty if the name states it.
        hint: &'static str,
    },
    /// The file is not YAML, or not a list of the table's records.
    #[error("{0}")]
    Yaml(String),
}

/// A line of a fixture file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as given.
    pub file: Arc<str>,
    /// Counted from 1.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Error {
    /// An error of the connection to `target`.
    pub(crate) fn connection(target: String, error: database::Error) -> Self {
        match error {
            database::Error::Refused(cause) => Self::NotMigrated { target, cause },
            error => {
                let (cause, remedy) = explained(&error);
                Self::Unreachable { target, cause, remedy }
            }
        }
    }

    /// An error of the begin or the end of the transaction.
    pub(crate) fn transaction(error: &database::Error) -> Self {
        let (cause, remedy) = explained(error);
        Self::Database { table: "the transaction".to_owned(), cause, remedy }
    }

    /// An error of a statement on `table` that is not the fault of a record.
    pub(crate) fn database(table: &str, error: &DbErr) -> Self {
        let failed = |cause: String, remedy| Self::Database { table: table.to_owned(), cause, remedy };
        let Some(source) = sqlx_error(error) else {
            return failed(error.to_string(), String::new());
        };
        let Some(database) = source.as_database_error() else {
            return failed(source.to_string(), String::new());
        };
        let cause = database.message().to_owned();
        let code = database.code().unwrap_or_default();
        match code.as_ref() {
            // A policy reads an unbound setting: the login is a customer's.
            "42704" if cause.contains("configuration parameter") => failed(cause, remedy("42501")),
            // The message of a data exception quotes the datum.
            code if code.len() == 5 && code.starts_with("22") => {
                failed(format!("data exception, SQLSTATE {code}"), String::new())
            }
            code => failed(cause, remedy(code)),
        }
    }
}

/// The cause of a failed connection or transaction, and the remedy.
fn explained(error: &database::Error) -> (String, String) {
    match error {
        database::Error::Database(fault)
        | database::Error::Forbidden(fault)
        | database::Error::Unavailable(fault) => {
            let remedy = match fault.remedy() {
                Some(remedy) => format!("; {remedy}"),
                None if fault.code.is_empty() && matches!(error, database::Error::Unavailable(_)) => {
                    "; start the server, or correct DATABASE_URL: host, port".to_owned()
                }
                None => remedy(&fault.code),
            };
            (fault.message.clone(), remedy)
        }
        other => (other.to_string(), String::new()),
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

/// The remedy for a SQLSTATE or a result code of SQLite, after a semicolon; empty if the code suggests none.
fn remedy(code: &str) -> String {
    environment::remedy(code).map(|remedy| format!("; {remedy}")).unwrap_or_default()
}
