//! The database to migrate: `DATABASE_URL`, or the embedded SQLite file.

use crate::Error;
use environment::{
    AppEnv, EMBEDDED, Place, describe_postgres, describe_sqlite, parse_postgres, parse_sqlite,
};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::fmt;

/// A database to migrate. Its `Display` form shows the address without the password.
#[derive(Clone)]
pub struct Target {
    pub(crate) server: Server,
    pub(crate) schema: Option<String>,
    /// Whether it is the embedded default, as no URL was given.
    pub(crate) embedded: bool,
    pub(crate) app_env: Option<AppEnv>,
}

#[derive(Clone)]
pub(crate) enum Server {
    Postgres(Box<PgConnectOptions>),
    Sqlite(Box<SqliteConnectOptions>),
}

impl Target {
    /// The database of `url`, or without one the embedded SQLite file, which production refuses.
    ///
    /// `schema` is the PostgreSQL schema to work in, by default the first of the login's `search_path`. `app_env` is what the
    /// database is used for; `None` counts as development, except that a database on another machine is not destroyed.
    ///
    /// # Errors
    /// The URL is malformed or of another engine, or production would run on SQLite.
    pub fn resolve(
        url: Option<&str>,
        schema: Option<&str>,
        app_env: impl Into<Option<AppEnv>>,
    ) -> Result<Self, Error> {
        let app_env = app_env.into();
        let schema = schema.filter(|schema| !schema.is_empty()).map(str::to_owned);
        let url = url.filter(|url| !url.is_empty());
        let embedded = url.is_none();
        let server = match url {
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Server::Postgres(Box::new(parse_postgres(url).map_err(Error::Url)?))
            }
            Some(url) if url.starts_with("sqlite:") => {
                Server::Sqlite(Box::new(parse_sqlite(url).map_err(Error::Url)?))
            }
            Some(_) => return Err(Error::Scheme),
            None => Server::Sqlite(Box::new(
                SqliteConnectOptions::new().filename(EMBEDDED).create_if_missing(true),
            )),
        };
        if app_env == Some(AppEnv::Production) && matches!(server, Server::Sqlite(_)) {
            return Err(if embedded { Error::ProductionWithoutUrl } else { Error::ProductionOnSqlite });
        }
        Ok(Self { server, schema, embedded, app_env })
    }

    /// Returns the warning of a production database on another machine that is not verified.
    #[must_use]
    pub fn tls_warning(&self) -> Option<String> {
        match &self.server {
            Server::Postgres(options) => environment::tls_warning(options, self.app_env, self),
            Server::Sqlite(_) => None,
        }
    }

    pub(crate) fn place(&self) -> Place {
        match &self.server {
            Server::Postgres(options) => Place::of(options),
            Server::Sqlite(_) => Place::File,
        }
    }

    /// Whether this is the embedded default.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.embedded
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Server::Postgres(options) => f.write_str(&describe_postgres(options)),
            Server::Sqlite(options) => f.write_str(&describe_sqlite(options.get_filename())),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_never_shows_its_password() {
        let target =
            Target::resolve(Some("postgres://owner:s3cret@db.example:6543/survey"), None, AppEnv::Test)
                .unwrap();
        assert_eq!(target.to_string(), "PostgreSQL database \"survey\" as \"owner\" at db.example:6543");
        assert!(!format!("{target:?}").contains("s3cret"));
    }

    #[test]
    fn production_requires_an_explicit_postgresql() {
        let refused = |url| Target::resolve(url, None, AppEnv::Production).unwrap_err();
        assert!(matches!(refused(None), Error::ProductionWithoutUrl));
        assert!(matches!(refused(Some("")), Error::ProductionWithoutUrl));
        assert!(matches!(refused(Some("sqlite://x.db")), Error::ProductionOnSqlite));
        assert!(Target::resolve(Some("postgres://db.example/x"), None, AppEnv::Production).is_ok());
    }
}
