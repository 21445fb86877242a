//! What the rules are asked about: the sources, and a PostgreSQL database that was migrated by them.

use crate::rule::Mutation;
use crate::{Error, Workspace};
use migration::{AppEnv, Options, Session, Target};
use scratch::{Database, Server};
use sqlx::postgres::{PgPool, PgPoolOptions};
use std::sync::Arc;
use tempfile::TempDir;

/// The sources, a server, and a migrated database on it.
#[derive(Debug)]
pub struct Subject {
    workspace: Workspace,
    pool: PgPool,
    database: Database,
    /// Never connected to, so that it can be copied at any time.
    template: Arc<Database>,
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
        Self::on(workspace, template.into(), None)
    }

    /// The same with one thing changed, in copies.
    ///
    /// # Errors
    /// The change cannot be made.
    pub async fn with(&self, mutation: &Mutation) -> Result<Self, Error> {
        let template = Arc::clone(&self.template);
        match *mutation {
            Mutation::Sql(sql) => {
                let changed = Self::on(self.workspace.clone(), template, None)?;
                sqlx::raw_sql(sql).execute(changed.pool()).await?;
                Ok(changed)
            }
            Mutation::Replace { file, text, with } => {
                let (copy, workspace) = self.workspace.copy()?;
                let before = workspace.read_if_there(file)?.unwrap_or_default();
                if !before.contains(text) {
                    let reason = format!("`{text}` is not there to be replaced");
                    return Err(Error::Source { path: workspace.path(file), reason });
                }
                let after =
                    if text.is_empty() { format!("{before}{with}") } else { before.replacen(text, with, 1) };
                workspace.write(file, &after)?;
                Self::on(workspace, template, Some(copy))
            }
        }
    }

    fn on(workspace: Workspace, template: Arc<Database>, copy: Option<TempDir>) -> Result<Self, Error> {
        let database = server()?.create_database_from(&template, "gate").map_err(no_database)?;
        let pool = PgPoolOptions::new().max_connections(4).connect_lazy(&database.url())?;
        Ok(Self { workspace, pool, database, template, _copy: copy })
    }

    /// The sources.
    #[must_use]
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Connections of the owner to the migrated database.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The migrated database's URL, for its owner.
    #[must_use]
    pub fn url(&self) -> String {
        self.database.url()
    }

    /// Another migrated database, which a rule may fill and change.
    ///
    /// # Errors
    /// The server refuses.
    pub fn copy(&self) -> Result<Database, Error> {
        server()?.create_database_from(&self.template, "gate_copy").map_err(no_database)
    }
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
    let target = Target::resolve(Some(&database.url()), None, AppEnv::Test)?;
    Session::new(target, Options::default()).up(None).await?;
    Ok(())
}

fn server() -> Result<&'static Server, Error> {
    Server::shared().map_err(|error| Error::Scratch(error.into()))
}

fn no_database(error: scratch::Error) -> Error {
    Error::Scratch(error.into())
}
