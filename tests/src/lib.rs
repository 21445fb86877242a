//! Helpers of the tests: databases of both engines, rows, the binaries of the workspace, the catalogue as text.

#![expect(
    clippy::expect_used,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests: a failed step fails the test"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests query the catalogue, and bypass what an application may do"
)]

pub mod cases;
pub mod catalog;
pub mod cluster;
pub mod declared;
pub mod engine;
pub mod factory;
pub mod kills;
pub mod large;
pub mod load;
pub mod login_role;
pub mod pgbouncer;
pub mod plans;
pub mod private_server;
pub mod process;
pub mod queries;
pub mod runtime;
pub mod world;

pub use environment::chain;

use crate::runtime::on_tokio;
use migration::{AppEnv, Options, Session, Target};
use scratch::{Database, Server};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, RuntimeErr, Statement};
use std::fmt::Write as _;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// The password in these tests, and a part of every text that no output may contain.
pub const SECRET: &str = "s3cret";

/// The PostgreSQL of this run.
pub fn server() -> &'static Server {
    Server::shared().unwrap_or_else(|error| panic!("{}", chain(error)))
}

/// An empty PostgreSQL database.
pub fn empty(name: &str) -> Database {
    server().create_database(name).unwrap_or_else(|error| panic!("{}", chain(&error)))
}

/// A migrated PostgreSQL database of the test's own, copied from one that this process migrated once.
///
/// From then on the role `customer` exists on the server, until the run ends.
pub async fn migrated(name: &str) -> Database {
    static TEMPLATE: OnceCell<Database> = OnceCell::const_new();
    let template = TEMPLATE
        .get_or_init(|| async {
            let template = empty("template");
            migrate(&template.url()).await;
            template
        })
        .await;
    server().create_database_from(template, name).unwrap_or_else(|error| panic!("{}", chain(&error)))
}

/// An empty PostgreSQL database, on a server where the role `customer` exists until the run ends.
pub async fn empty_with_role(name: &str) -> Database {
    drop(migrated("role").await);
    empty(name)
}

/// Migrates the database at `url`.
pub async fn migrate(url: &str) {
    let migrated = on_tokio(async { session(url).up(None).await }).await;
    migrated.unwrap_or_else(|error| panic!("{}", chain(&error)));
}

/// A migrator's session on `url`, as in development.
pub fn session(url: &str) -> Session {
    let target =
        Target::resolve(Some(url), None, AppEnv::Test).unwrap_or_else(|error| panic!("{}", chain(&error)));
    Session::new(target, Options::default())
}

/// A SQLite file of the test's own.
#[derive(Debug)]
pub struct SqliteFile {
    directory: TempDir,
}

impl SqliteFile {
    /// A file that does not exist yet.
    pub fn new() -> Self {
        Self { directory: TempDir::new().expect("a temporary directory") }
    }

    /// A migrated file.
    pub async fn migrated() -> Self {
        let file = Self::new();
        migrate(&file.url()).await;
        file
    }

    /// Its path.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("test.db")
    }

    /// Its URL; connecting creates a missing file.
    pub fn url(&self) -> String {
        format!("sqlite://{}?mode=rwc", self.path().display())
    }
}

impl Default for SqliteFile {
    fn default() -> Self {
        Self::new()
    }
}

/// A pool of one connection: what one statement leaves behind, the next one meets.
pub async fn connect(url: &str) -> Result<DatabaseConnection, DbErr> {
    let options = ConnectOptions::new(url)
        .max_connections(1)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|options| options.foreign_keys(true))
        .to_owned();
    sea_orm::Database::connect(options).await
}

/// Runs SQL text as it is.
pub async fn run(db: &impl ConnectionTrait, sql: &str) -> Result<(), DbErr> {
    db.execute_unprepared(sql).await.map(|_| ())
}

/// The first column of a query's rows.
pub async fn texts(db: &impl ConnectionTrait, sql: &str) -> Vec<String> {
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {}", chain(&error)));
    rows.iter().map(|row| row.try_get_by_index(0).unwrap_or_else(|error| panic!("{sql}: {error}"))).collect()
}

/// Drops the triggers that write audit entries and reject changes of them. Does nothing on SQLite.
pub async fn without_audit(db: &impl ConnectionTrait) {
    if db.get_database_backend() == DbBackend::Postgres {
        let triggers = "do $$ declare found record; begin \
                        for found in select tgname, tgrelid::regclass as place from pg_trigger \
                                     where tgname in ('append_only', 'audit', 'audit_truncate') loop \
                        execute format('drop trigger %I on %s', found.tgname, found.place); end loop; end $$";
        run(db, triggers).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    }
}

/// The SQLSTATE of an error of the database.
pub fn code(error: &DbErr) -> String {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        panic!("no error of the database: {error}")
    };
    let error = error.as_database_error().unwrap_or_else(|| panic!("no error of the database: {error}"));
    error.code().unwrap_or_default().into_owned()
}

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;

/// The bytes in hexadecimal digits.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        // Writing to a `String` does not fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}
