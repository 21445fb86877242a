//! What the tests share: databases of both engines, the binaries of the workspace, the catalogue as text.

#![expect(clippy::expect_used, clippy::panic, reason = "a test without its database has to fail")]

pub mod catalog;
pub mod factory;

use migration::{AppEnv, Options, Session, Target};
use scratch::{Database, Server};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbErr, RuntimeErr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// The PostgreSQL of this run.
///
/// # Panics
/// There is none; the message says what to do.
#[must_use]
pub fn server() -> &'static Server {
    Server::shared().unwrap_or_else(|error| panic!("{}", chain(error)))
}

/// An empty PostgreSQL database.
///
/// # Panics
/// The server refuses.
pub fn empty(name: &str) -> Database {
    server().create_database(name).unwrap_or_else(|error| panic!("{}", chain(&error)))
}

/// A migrated PostgreSQL database of the test's own, copied from one that this process migrated once.
///
/// Once it is there, the role `customer` exists on the server until the run ends.
///
/// # Panics
/// The server or a migration fails.
pub async fn migrated(name: &str) -> Database {
    static TEMPLATE: OnceCell<Database> = OnceCell::const_new();
    let template = TEMPLATE
        .get_or_init(|| async {
            let template = empty("template");
            session(&template.url()).up(None).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
            template
        })
        .await;
    server().create_database_from(template, name).unwrap_or_else(|error| panic!("{}", chain(&error)))
}

/// A migrator's session on `url`, as in development.
///
/// # Panics
/// The URL is malformed.
#[must_use]
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
    ///
    /// # Panics
    /// There is no temporary directory.
    #[must_use]
    pub fn new() -> Self {
        Self { directory: TempDir::new().expect("a temporary directory") }
    }

    /// A migrated file.
    ///
    /// # Panics
    /// A migration fails.
    pub async fn migrated() -> Self {
        let file = Self::new();
        session(&file.url()).up(None).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        file
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("test.db")
    }

    /// Its URL, which makes it if it is not there.
    #[must_use]
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
///
/// # Errors
/// The database cannot be reached.
pub async fn connect(url: &str) -> Result<DatabaseConnection, DbErr> {
    let options = ConnectOptions::new(url)
        .max_connections(1)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|options| options.foreign_keys(true))
        .to_owned();
    sea_orm::Database::connect(options).await
}

/// Runs SQL text as it is.
///
/// # Errors
/// The database refuses it.
pub async fn run(db: &impl ConnectionTrait, sql: &str) -> Result<(), DbErr> {
    db.execute_unprepared(sql).await.map(|_| ())
}

/// A command that runs a binary of this workspace, `migration`, `scheduler-tokio` or `seeder`, in an empty environment
/// and in `directory`.
///
/// # Panics
/// It cannot be built.
#[must_use]
pub fn binary(name: &str, directory: &Path) -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let directory_of_binaries = BUILT.get_or_init(|| {
        // `cargo test` builds only the binaries of packages that have integration tests of their own.
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--bins"]);
        build.args(["migration", "scheduler-tokio", "seeder"].map(|package| format!("--package={package}")));
        // With what `cargo test` says of this package, ring and all that depends on it would be built again.
        for (name, _) in std::env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
            {
                build.env_remove(name);
            }
        }
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let status = build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).status();
        assert!(status.is_ok_and(|status| status.success()), "the binaries do not build");
        // Tests run from target/<profile>/deps.
        let here = std::env::current_exe().expect("the path of this test");
        here.ancestors().nth(2).expect("the target directory").to_owned()
    });
    let mut command = Command::new(directory_of_binaries.join(name));
    command.env_clear().current_dir(directory);
    command
}

/// The SQLSTATE of an error of the database.
///
/// # Panics
/// It is another error.
#[must_use]
pub fn code(error: &DbErr) -> String {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        panic!("no error of the database: {error}")
    };
    let error = error.as_database_error().unwrap_or_else(|| panic!("no error of the database: {error}"));
    error.code().unwrap_or_default().into_owned()
}

/// An error with its sources.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;
