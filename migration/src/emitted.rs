//! What each migration executes, found out without a database.
//!
//! A migration runs against `SeaORM`'s mock connection, which notes every statement and answers with no rows. One that asks what is
//! there, `has_table` and the like, cannot be noted: it should say `if not exists` in its SQL.

use crate::statements::statements;
use crate::{Error, Migrator};
use sea_orm::{DatabaseConnection, DbBackend, DbErr, MockDatabase, MockExecResult, MockRow, Transaction};
use sea_orm_migration::prelude::{MigrationTrait, MigratorTrait as _, SchemaManager};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// More statements than a migration has.
const LONGEST: usize = 1000;

/// The SQL of one migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted {
    /// The migration's name.
    pub name: String,
    /// Whether PostgreSQL runs it in one transaction.
    pub transactional: bool,
    /// What PostgreSQL is told.
    pub postgres: Script,
    /// What SQLite is told.
    pub sqlite: Script,
}

/// The texts that one engine executes, as they are; one text may hold several statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Of `up`.
    pub up: Vec<String>,
    /// Of `down`.
    pub down: Vec<String>,
}

impl Emitted {
    /// Notes what a migration executes.
    pub(crate) async fn by(migration: &dyn MigrationTrait) -> Result<Self, DbErr> {
        Ok(Self {
            name: migration.name().to_owned(),
            transactional: migration.use_transaction() != Some(false),
            postgres: Script::of(migration, DbBackend::Postgres).await?,
            sqlite: Script::of(migration, DbBackend::Sqlite).await?,
        })
    }

    /// The scripts, each with the words that name it: the engine, and up or down.
    #[must_use]
    pub fn scripts(&self) -> [(&'static str, &[String]); 4] {
        let Self { name: _, transactional: _, postgres, sqlite } = self;
        [
            ("postgres up", &postgres.up),
            ("postgres down", &postgres.down),
            ("sqlite up", &sqlite.up),
            ("sqlite down", &sqlite.down),
        ]
    }

    /// SHA-256, in hexadecimal digits, of everything that it executes; formatting and comments do not matter.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut text = format!("transaction {}\0", self.transactional);
        for (name, script) in self.scripts() {
            text.extend([name, "\0"]);
            for statement in statements(script) {
                text.extend([&statement, "\0"]);
            }
        }
        digest(&text)
    }
}

impl Script {
    async fn of(migration: &dyn MigrationTrait, backend: DbBackend) -> Result<Self, DbErr> {
        let (above, below) = (notebook(backend), notebook(backend));
        migration.up(&SchemaManager::new(&above)).await?;
        migration.down(&SchemaManager::new(&below)).await?;
        Ok(Self { up: noted(above), down: noted(below) })
    }
}

/// A connection that notes what it is told.
fn notebook(backend: DbBackend) -> DatabaseConnection {
    MockDatabase::new(backend)
        .append_exec_results(vec![MockExecResult::default(); LONGEST])
        .append_query_results(vec![Vec::<MockRow>::new(); LONGEST])
        .into_connection()
}

/// What it was told, each value in its place.
fn noted(notebook: DatabaseConnection) -> Vec<String> {
    let transactions = notebook.into_transaction_log();
    transactions.iter().flat_map(Transaction::statements).map(ToString::to_string).collect()
}

/// What every migration of this build executes, in their order.
///
/// # Errors
/// A migration fails, or wants an answer that only a database can give.
pub async fn emitted() -> Result<Vec<Emitted>, Error> {
    let mut all = Vec::new();
    for migration in Migrator::migrations() {
        let emitted = Emitted::by(migration.as_ref()).await;
        all.push(emitted.map_err(|error| Error::emission(migration.name(), &error))?);
    }
    Ok(all)
}

/// SHA-256 in hexadecimal digits.
#[must_use]
pub fn digest(text: &str) -> String {
    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        // Writing to a string does not fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}
