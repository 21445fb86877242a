//! Backups: each restores to what it was taken of, nothing damaged is restored, and nothing half-done is taken for whole.
//! Retention: what is past its limit is removed, and nothing else. Personal data: it is exported and erased.

mod audit;
mod damage;
mod doctor;
mod drill;
mod encryption;
mod interruption;
mod person;
mod places;
mod point_in_time;
pub(crate) mod retention;
mod round_trip;
mod runbook;
mod scale;

use crate::migration::snapshot::fill;
use scratch::{Database, Options, Server};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tests::process::{Exited, Running, binary};
use tests::{connect, migrate, migrated, server};

/// The program, run in a directory of its own, with the backups in `backups` there.
#[derive(Debug)]
pub(crate) struct Ops {
    directory: TempDir,
    environment: Vec<(String, String)>,
}

impl Ops {
    /// On the database of `url`.
    pub(crate) fn on(url: &str) -> Self {
        let ops = Self { directory: TempDir::new().unwrap(), environment: Vec::new() };
        ops.with("DATABASE_URL", url)
    }

    /// With one more environment variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it; `arguments` are separated by spaces.
    fn start(&self, arguments: &str) -> Running {
        let mut command = binary("ops", self.directory.path());
        command.args(arguments.split_whitespace()).stdin(Stdio::null());
        // The programs of PostgreSQL are those of the server of this run.
        command.envs(std::env::var_os("SCRATCH_PG_BIN").map(|bin| ("SCRATCH_PG_BIN", bin)));
        command.env("TMPDIR", self.directory.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Running::start(&mut command, arguments)
    }

    /// Runs it until it exits.
    pub(crate) fn run(&self, arguments: &str) -> Exited {
        self.start(arguments).wait()
    }

    /// Makes a backup, and returns its directory.
    pub(crate) fn back_up(&self) -> PathBuf {
        self.run("backup --to backups").succeeds();
        self.backups().pop().expect("a backup")
    }

    /// Restores the newest backup.
    pub(crate) fn restore_to(&self, url: &str) -> Exited {
        self.run(&format!("restore backups --to {url}"))
    }

    /// The directories that count as backups, oldest first.
    fn backups(&self) -> Vec<PathBuf> {
        let backups = entries(&self.path("backups")).into_iter();
        backups.filter(|path| !path.file_name().unwrap().to_str().unwrap().starts_with('.')).collect()
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.directory.path().join(relative)
    }
}

/// The entries of a directory, in the order of their names; none if it does not exist.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Whether the programs of PostgreSQL are installed; reports if they are not, and fails in CI.
pub(crate) fn clients_are_installed() -> bool {
    let Err(error) = Options::from_environment().clients(server().version() / 10_000) else { return true };
    let missing = format!("NOT TESTED: backups of PostgreSQL: {error}");
    assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{missing}");
    eprintln!("{missing}");
    false
}

/// A migrated PostgreSQL database with rows in every table.
async fn filled(name: &str) -> Database {
    let database = migrated(name).await;
    let db = connect(&database.url()).await.unwrap();
    fill(&db).await;
    db.close().await.unwrap();
    database
}

/// The URL of such a database on a server of the test's own.
async fn filled_on(server: &Server, name: &str) -> String {
    let admin = connect(&server.url("postgres")).await.unwrap();
    tests::run(&admin, &format!("create database {name}")).await.unwrap();
    let url = server.url(name);
    migrate(&url).await;
    let db = connect(&url).await.unwrap();
    fill(&db).await;
    db.close().await.unwrap();
    url
}
