//! What the rules check: the sources, and a PostgreSQL database that was migrated from them.

use crate::catalogue::distribution::Distribution;
use crate::catalogue::schema::Schema;
use crate::migrations::released;
use crate::mutation::Mutation;
use crate::{Catalogue, Error, Workspace};
use migration::{AppEnv, Emitted, Options, Script, Session, Target};
use scratch::{Database, Server};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{Connection as _, Executor as _, PgConnection};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The sources, and a database that was migrated from them.
#[derive(Clone, Debug)]
pub struct Subject {
    workspace: Workspace,
    emitted: Vec<Emitted>,
    checked: Arc<Checked>,
    /// The migrated database without a change.
    migrated: Arc<Checked>,
    /// One connection, so that a check runs inside the transaction of a change that is rolled back.
    trial: PgPool,
    _database: Arc<Database>,
}

/// Connections to the database, and what is read by them, which is read once.
#[derive(Debug)]
struct Checked {
    pool: PgPool,
    catalogue: OnceCell<Catalogue>,
    schema: OnceCell<Schema>,
}

impl Subject {
    /// Migrates a scratch database.
    ///
    /// # Errors
    /// There is no PostgreSQL, or a migration fails.
    pub async fn migrated(workspace: Workspace) -> Result<Self, Error> {
        let database = empty("gate")?;
        migrate(&database).await?;
        let migrated = Arc::new(Checked::by(pool(&database.url(), 4)?));
        Ok(Self {
            workspace,
            emitted: migration::emitted().await?,
            checked: Arc::clone(&migrated),
            migrated,
            trial: pool(&database.url(), 1)?,
            _database: database.into(),
        })
    }

    /// The same with one thing changed: in what is read of the sources, or in the database until the next change.
    ///
    /// # Errors
    /// The change fails.
    pub async fn with(&self, mutation: &Mutation) -> Result<Self, Error> {
        // Ends the transaction of the change before, and its locks; without one, PostgreSQL only warns.
        sqlx::raw_sql("rollback").execute(&self.trial).await?;
        let mut changed = self.clone();
        match *mutation {
            Mutation::Sql(sql) => {
                // Read before the change can lock a table.
                self.reference().await?;
                let mut connection = self.trial.acquire().await?;
                connection.execute("begin").await?;
                connection.execute(sql).await?;
                changed.checked = Checked::by(self.trial.clone()).into();
            }
            Mutation::Replace { file, text, with } => {
                let before = self.workspace.read_if_there(file)?.unwrap_or_default();
                if !before.contains(text) {
                    let reason = format!("it does not contain `{text}`");
                    return Err(Error::Source { path: self.workspace.path(file), reason });
                }
                let after =
                    if text.is_empty() { format!("{before}{with}") } else { before.replacen(text, with, 1) };
                changed.workspace = self.workspace.replace(file, after);
            }
            Mutation::Added(up) => changed.emitted.push(added(up)),
            Mutation::Released(sql) => {
                let before = self.workspace.read_if_there(released::FILE)?.unwrap_or_default();
                let statement = format!("\n-- statement: Released, admin\n{sql};\n");
                changed.workspace = self.workspace.replace(released::FILE, before + &statement);
                changed.emitted.push(added("select 1"));
            }
            Mutation::Emitted { migration, text, with } => {
                let place = changed
                    .emitted
                    .iter_mut()
                    .filter(|emitted| emitted.name == migration)
                    .flat_map(|Emitted { postgres, sqlite, .. }| [postgres, sqlite])
                    .flat_map(|script| script.up.iter_mut().chain(&mut script.down))
                    .find(|sql| sql.contains(text));
                let place = place.ok_or(Error::Mutation { migration, text })?;
                *place = place.replacen(text, with, 1);
            }
        }
        Ok(changed)
    }

    /// The sources.
    pub(crate) fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// What each migration executes.
    pub(crate) fn emitted(&self) -> &[Emitted] {
        &self.emitted
    }

    /// Connections of the owner to the migrated database, with the views of `views.sql`.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.checked.pool
    }

    /// The objects of the migrated database.
    pub(crate) async fn catalogue(&self) -> Result<&Catalogue, Error> {
        self.checked.catalogue().await
    }

    /// The same as a typed schema.
    pub(crate) async fn schema(&self) -> Result<&Schema, Error> {
        let read = || async { Schema::read(&mut *self.pool().acquire().await?).await };
        self.checked.schema.get_or_try_init(read).await
    }

    /// The objects of the database to which nothing but the migrations was applied.
    ///
    /// # Errors
    /// PostgreSQL fails.
    pub async fn reference(&self) -> Result<&Catalogue, Error> {
        self.migrated.catalogue().await
    }
}

impl Checked {
    fn by(pool: PgPool) -> Self {
        Self { pool, catalogue: OnceCell::new(), schema: OnceCell::new() }
    }

    async fn catalogue(&self) -> Result<&Catalogue, Error> {
        let read = || async { Catalogue::read(&mut *self.pool.acquire().await?).await };
        self.catalogue.get_or_try_init(read).await
    }
}

/// A migration after the newest.
fn added(up: &str) -> Emitted {
    let script = |up: &[&str]| Script { up: up.iter().map(ToString::to_string).collect(), down: Vec::new() };
    Emitted {
        name: "m99999999_000001_added".to_owned(),
        transactional: true,
        postgres: script(&[up]),
        sqlite: script(&[]),
    }
}

/// The objects of a database to which only the first `steps` migrations were applied, and which was then distributed in the
/// same way as another one.
pub(crate) async fn migrated_by(
    steps: Option<usize>,
    distribution: Option<&Distribution>,
) -> Result<Catalogue, Error> {
    let database = empty("reference")?;
    let steps = steps.map(|steps| u32::try_from(steps).unwrap_or(u32::MAX));
    session(&database)?.up(steps).await?;
    let mut connection = PgConnection::connect(&database.url()).await?;
    let catalogue = match distribution {
        None => Catalogue::read(&mut connection).await?,
        Some(distribution) => distribution.expected(&mut connection).await?,
    };
    connection.close().await?;
    Ok(catalogue)
}

/// An empty database on the server of this process.
///
/// # Errors
/// There is no PostgreSQL.
pub fn empty(name: &str) -> Result<Database, Error> {
    let server = Server::shared().map_err(|error| Error::Scratch(error.into()))?;
    server.create_database(name).map_err(|error| Error::Scratch(error.into()))
}

/// Applies all migrations of this build.
///
/// # Errors
/// A migration fails.
pub async fn migrate(database: &Database) -> Result<(), Error> {
    session(database)?.up(None).await?;
    // Without statistics, the views of sea-schema take a second.
    let mut connection = PgConnection::connect(&database.url()).await?;
    connection.execute("analyze").await?;
    connection.close().await?;
    Ok(())
}

fn session(database: &Database) -> Result<Session, Error> {
    let target = Target::resolve(Some(&database.url()), None, AppEnv::Test)?;
    Ok(Session::new(target, Options::default()))
}

/// Connections with the views of `views.sql`.
fn pool(url: &str, size: u32) -> Result<PgPool, Error> {
    let options = PgPoolOptions::new().max_connections(size).after_connect(|connection, _| {
        Box::pin(async move { connection.execute(include_str!("catalogue/views.sql")).await.map(|_| ()) })
    });
    Ok(options.connect_lazy(url)?)
}
