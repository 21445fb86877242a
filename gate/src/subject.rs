//! What the rules are asked about: the sources, and a PostgreSQL database that was migrated by them.

use crate::catalogue::schema::Schema;
use crate::rule::Mutation;
use crate::{Catalogue, Error, Workspace};
use migration::{AppEnv, Emitted, Options, Session, Target};
use scratch::{Database, Server};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// How long a live database may take to answer: the first connection, and each statement.
const PATIENCE: Duration = Duration::from_secs(30);

/// The oldest PostgreSQL whose catalogue has what is asked.
const OLDEST: u32 = 150_000;

/// The sources, a server, and a migrated database on it.
#[derive(Debug)]
pub struct Subject {
    workspace: Workspace,
    emitted: Vec<Emitted>,
    pool: PgPool,
    /// One connection, so that whatever is asked is asked inside the transaction of a change that is taken back.
    trial: PgPool,
    url: String,
    /// What the pool's database consists of, read when it is first asked for.
    catalogue: Arc<OnceCell<Catalogue>>,
    /// The same as a typed schema, likewise.
    schema: Arc<OnceCell<Schema>>,
    /// What `template` consists of, likewise.
    reference: Arc<OnceCell<Catalogue>>,
    /// Connected to by nobody for long, so that it can be copied: PostgreSQL waits up to five seconds for that.
    template: Arc<Database>,
    /// What the pool leads to; a live database is not ours to drop.
    database: Option<Arc<Database>>,
    /// Keeps a changed copy of the sources for as long as somebody reads it.
    _copy: Option<TempDir>,
}

impl Subject {
    /// Migrates a scratch database.
    ///
    /// # Errors
    /// There is no PostgreSQL, or a migration fails.
    pub async fn migrated(workspace: Workspace) -> Result<Self, Error> {
        let template = empty("migrated")?;
        migrate(&template).await?;
        Self::on_copy(workspace, migration::emitted().await?, template.into(), Arc::default())
    }

    /// A database that somebody uses, over connections that can only read.
    ///
    /// # Errors
    /// The URL is not PostgreSQL's, the database cannot be reached, or a scratch database not be migrated.
    pub async fn live(workspace: Workspace, url: &str) -> Result<Self, Error> {
        // Refuses what would show a password, and shows none itself.
        let target = Target::resolve(Some(url), None, AppEnv::Test)?;
        if !url.starts_with("postgres") {
            return Err(Error::NotPostgres);
        }
        let options: PgConnectOptions = url.parse()?;
        let options = options
            .application_name("gate")
            .options([
                ("default_transaction_read_only", "on".to_owned()),
                ("statement_timeout", PATIENCE.as_millis().to_string()),
            ])
            .disable_statement_logging();
        let unreachable = |source| Error::Live { target: target.to_string(), source };
        // Not by the pool: it would take a refused connection for a passing one and try again.
        let connecting = tokio::time::timeout(PATIENCE, PgConnection::connect_with(&options)).await;
        let connection = connecting.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(unreachable)?;
        if connection.server_version_num().is_some_and(|version| version < OLDEST) {
            return Err(Error::OldServer { target: target.to_string() });
        }
        connection.close().await.map_err(unreachable)?;

        let template = empty("migrated")?;
        migrate(&template).await?;
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
        Ok(Self {
            workspace,
            emitted: migration::emitted().await?,
            trial: pool.clone(),
            pool,
            url: url.to_owned(),
            catalogue: Arc::default(),
            schema: Arc::default(),
            reference: Arc::default(),
            template: template.into(),
            database: None,
            _copy: None,
        })
    }

    /// The same with one thing changed, in copies of what it changes.
    ///
    /// # Errors
    /// The change cannot be made.
    pub async fn with(&self, mutation: &Mutation) -> Result<Self, Error> {
        // Ends the transaction of the change before, and its locks; where there was none, PostgreSQL only warns.
        sqlx::raw_sql("rollback").execute(&self.trial).await?;
        match *mutation {
            Mutation::Uncommitted(sql) => {
                let mut trial = self.trial.acquire().await?;
                trial.execute("begin").await?;
                trial.execute(sql).await?;
                drop(trial);
                Ok(Self {
                    pool: self.trial.clone(),
                    catalogue: Arc::default(),
                    schema: Arc::default(),
                    ..self.same()
                })
            }
            Mutation::Sql(sql) => {
                let (template, reference) = (Arc::clone(&self.template), Arc::clone(&self.reference));
                let changed =
                    Self::on_copy(self.workspace.clone(), self.emitted.clone(), template, reference)?;
                changed.pool.execute(sql).await?;
                Ok(changed)
            }
            Mutation::Replace { file, text, with } => {
                let (directory, workspace) = self.workspace.copy()?;
                let before = workspace.read_if_there(file)?.unwrap_or_default();
                if !before.contains(text) {
                    let reason = format!("`{text}` is not there to be replaced");
                    return Err(Error::Source { path: workspace.path(file), reason });
                }
                let after =
                    if text.is_empty() { format!("{before}{with}") } else { before.replacen(text, with, 1) };
                workspace.write(file, &after)?;
                Ok(Self { workspace, _copy: Some(directory), ..self.same() })
            }
            Mutation::Emitted { migration, text, with } => {
                let mut changed = self.same();
                let place = changed
                    .emitted
                    .iter_mut()
                    .filter(|emitted| emitted.name == migration)
                    .flat_map(|Emitted { postgres, sqlite, .. }| [postgres, sqlite])
                    .flat_map(|script| script.up.iter_mut().chain(&mut script.down))
                    .find(|sql| sql.contains(text));
                let missing = || Error::Mutation { migration, text };
                let place = place.ok_or_else(missing)?;
                *place = place.replacen(text, with, 1);
                Ok(changed)
            }
        }
    }

    fn same(&self) -> Self {
        Self {
            workspace: self.workspace.clone(),
            emitted: self.emitted.clone(),
            pool: self.pool.clone(),
            trial: self.trial.clone(),
            url: self.url.clone(),
            catalogue: Arc::clone(&self.catalogue),
            schema: Arc::clone(&self.schema),
            reference: Arc::clone(&self.reference),
            template: Arc::clone(&self.template),
            database: self.database.clone(),
            _copy: None,
        }
    }

    fn on_copy(
        workspace: Workspace,
        emitted: Vec<Emitted>,
        template: Arc<Database>,
        reference: Arc<OnceCell<Catalogue>>,
    ) -> Result<Self, Error> {
        let database = server()?.create_database_from(&template, "gate").map_err(no_database)?;
        let url = database.url();
        let (pool, trial) = (pool(&url, 4)?, pool(&url, 1)?);
        let database = Some(Arc::new(database));
        Ok(Self {
            workspace,
            emitted,
            pool,
            trial,
            url,
            catalogue: Arc::default(),
            schema: Arc::default(),
            reference,
            template,
            database,
            _copy: None,
        })
    }

    /// The sources.
    #[must_use]
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// What each migration executes.
    #[must_use]
    pub fn emitted(&self) -> &[Emitted] {
        &self.emitted
    }

    /// Connections to the migrated database: the owner's, or to a live one its login's.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The URL that [`Subject::pool`] leads to.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// What the checked database consists of.
    ///
    /// # Errors
    /// PostgreSQL cannot be asked.
    pub async fn catalogue(&self) -> Result<&Catalogue, Error> {
        let read = || async { Catalogue::read(&mut *self.pool.acquire().await?).await };
        self.catalogue.get_or_try_init(read).await
    }

    /// The typed schema of the checked database.
    ///
    /// # Errors
    /// PostgreSQL cannot be asked.
    pub(crate) async fn schema(&self) -> Result<&Schema, Error> {
        let read = || async { Schema::read(&mut *self.pool.acquire().await?).await };
        self.schema.get_or_try_init(read).await
    }

    /// What a database consists of that was just migrated, and by nothing else changed.
    ///
    /// # Errors
    /// PostgreSQL cannot be asked.
    pub async fn reference(&self) -> Result<&Catalogue, Error> {
        self.reference.get_or_try_init(|| read(&self.template)).await
    }
}

/// What a database consists of to which only the first migrations were applied.
///
/// # Errors
/// There is no PostgreSQL, or a migration fails.
pub(crate) async fn migrated_by(steps: usize) -> Result<Catalogue, Error> {
    let database = empty("behind")?;
    session(&database)?.up(Some(u32::try_from(steps).unwrap_or(u32::MAX))).await?;
    read(&database).await
}

async fn read(database: &Database) -> Result<Catalogue, Error> {
    let mut connection = PgConnection::connect(&database.url()).await?;
    let catalogue = Catalogue::read(&mut connection).await?;
    connection.close().await?;
    Ok(catalogue)
}

/// An empty database on the same server.
///
/// # Errors
/// There is no PostgreSQL.
pub fn empty(name: &str) -> Result<Database, Error> {
    server()?.create_database(name).map_err(no_database)
}

/// Applies all migrations of this build.
///
/// # Errors
/// A migration fails.
pub async fn migrate(database: &Database) -> Result<(), Error> {
    session(database)?.up(None).await?;
    // What is asked afterwards is planned by figures; without them, sea-schema's views take a second.
    let mut connection = PgConnection::connect(&database.url()).await?;
    connection.execute("analyze").await?;
    connection.close().await?;
    Ok(())
}

fn session(database: &Database) -> Result<Session, Error> {
    let target = Target::resolve(Some(&database.url()), None, AppEnv::Test)?;
    Ok(Session::new(target, Options::default()))
}

/// Connections on which the views of `views.sql` are there.
fn pool(url: &str, size: u32) -> Result<PgPool, Error> {
    let options = PgPoolOptions::new().max_connections(size).after_connect(|connection, _| {
        Box::pin(async move { connection.execute(include_str!("catalogue/views.sql")).await.map(|_| ()) })
    });
    Ok(options.connect_lazy(url)?)
}

fn server() -> Result<&'static Server, Error> {
    Server::shared().map_err(|error| Error::Scratch(error.into()))
}

fn no_database(error: scratch::Error) -> Error {
    Error::Scratch(error.into())
}
