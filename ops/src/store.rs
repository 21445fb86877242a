//! The database of commands that work on every organization's rows: the transactions of the owner.

use crate::{Error, Target};
use database::{AdminTx, Database, Settings};
use environment::{Action, AppEnv, Mark, permit};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

/// The limit of a statement: some read every row.
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(10);

/// A database, as its owner.
#[derive(Debug)]
pub struct Store {
    pub(crate) database: Database,
    target: Target,
}

impl Store {
    /// Opens the database for `command`, whose hook takes at most `hook_timeout`.
    ///
    /// # Errors
    /// It is not PostgreSQL, cannot be reached, or lacks a migration, or Row Level Security hides rows from the login.
    pub async fn open(
        url: Option<&str>,
        command: &'static str,
        hook_timeout: Duration,
    ) -> Result<Self, Error> {
        let target = Target::resolve(url, "DATABASE_URL")?;
        let (Target::Postgres(_), Some(url)) = (&target, url) else {
            return Err(Error::PostgresRequired { command, target: target.to_string() });
        };
        let read = Settings::read(|name| match name {
            "DATABASE_URL" => Some(OsString::from(url)),
            // Those of an application.
            "APP_ENV" | "CONTEXT_SIGNING_KEY" | "CUSTOMER_DATABASE_URL" => None,
            other => std::env::var_os(other),
        });
        let failed = |action| {
            let target = target.to_string();
            move |source| Error::Database { action, target, source }
        };
        let mut settings = read.map_err(|error| failed("reading the settings")(error.into()))?;
        settings.application_name = format!("ops {command}");
        (settings.pool_size, settings.max_overflow) = (1, 0);
        settings.statement_timeout = STATEMENT_TIMEOUT;
        settings.idle_in_transaction_timeout = hook_timeout + Duration::from_mins(1);
        let database = Database::connect_admin(&settings).await.map_err(failed("connecting"))?;
        let store = Self { database, target };
        let hidden = store.value::<Option<String>>(HIDDEN).await?;
        match hidden {
            Some(tables) => Err(Error::NotOwner { target: store.target.to_string(), tables }),
            None => Ok(store),
        }
    }

    /// Refuses a copy of production, whose recordings are those of production.
    ///
    /// # Errors
    /// It is not permitted.
    pub async fn permit(&self, app_env: Option<AppEnv>) -> Result<(), Error> {
        let may = |mark| permit(Action::RemoveData, self.target.place(), app_env, mark, &self.target);
        may(Mark::Absent)?;
        let is_marked = format!("select exists ({}) as value", Mark::QUERY);
        let is_marked: bool = self.value(&is_marked).await?;
        may(if is_marked { Mark::Production } else { Mark::Absent })?;
        Ok(())
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&self) -> Result<AdminTx, database::Error> {
        self.database.admin().await
    }

    /// The column `value` of the only row.
    async fn value<T: sea_orm::TryGetable>(&self, sql: &str) -> Result<T, Error> {
        let read = async {
            let tx = self.begin().await?;
            let row = tx.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
            let value = row.ok_or(database::Error::NotFound("row"))?.try_get("", "value")?;
            tx.rollback().await?;
            Ok(value)
        };
        read.await.map_err(self.failed("reading the catalogue"))
    }

    /// The error of an action.
    pub(crate) fn failed(&self, action: &'static str) -> impl FnOnce(database::Error) -> Error + use<> {
        let target = self.target.to_string();
        move |source| Error::Database { action, target, source }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}

/// The tables of which Row Level Security hides rows from this login.
const HIDDEN: &str = "\
    select string_agg(oid::regclass::text, ', ' order by relname) as value from pg_class \
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p') and row_security_active(oid)";
