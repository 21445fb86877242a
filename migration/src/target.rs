//! Which database is meant: `DATABASE_URL`, or the embedded SQLite file.

use crate::Error;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::fmt;
use std::str::FromStr;

/// The SQLite file that is used without `DATABASE_URL`, relative to the working directory.
pub const EMBEDDED: &str = "voicesurvey.db";

/// What the database is for, from `APP_ENV`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppEnv {
    /// A developer's own machine; also when `APP_ENV` is unset.
    #[default]
    Development,
    /// An automated test.
    Test,
    /// A rehearsal of production.
    Staging,
    /// Real customers: nothing is assumed and nothing is destroyed without being told so.
    Production,
}

impl FromStr for AppEnv {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "development" | "" => Ok(Self::Development),
            "test" => Ok(Self::Test),
            "staging" => Ok(Self::Staging),
            "production" => Ok(Self::Production),
            _ => Err("expected development, test, staging or production".to_owned()),
        }
    }
}

/// A database to migrate. Its `Display` form shows where it is, and no password.
#[derive(Clone)]
pub struct Target {
    pub(crate) server: Server,
    pub(crate) schema: Option<String>,
    /// Nobody named it: it is the embedded default.
    pub(crate) embedded: bool,
}

#[derive(Clone)]
pub(crate) enum Server {
    Postgres(Box<PgConnectOptions>),
    Sqlite(Box<SqliteConnectOptions>),
}

impl Target {
    /// The database of `url`, or without one the embedded SQLite file, which production refuses.
    ///
    /// `schema` is the PostgreSQL schema to work in, by default the first of the login's `search_path`.
    ///
    /// # Errors
    /// The URL is malformed or of another engine, or production would run on SQLite.
    pub fn resolve(url: Option<&str>, schema: Option<&str>, env: AppEnv) -> Result<Self, Error> {
        let schema = schema.filter(|schema| !schema.is_empty()).map(str::to_owned);
        let url = url.filter(|url| !url.is_empty());
        let embedded = url.is_none();
        let server = match url {
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                check_login(url)?;
                Server::Postgres(Box::new(url.parse().map_err(Error::url)?))
            }
            Some(url) if url.starts_with("sqlite:") => {
                Server::Sqlite(Box::new(url.parse().map_err(Error::url)?))
            }
            Some(_) => return Err(Error::Scheme),
            None => Server::Sqlite(Box::new(
                SqliteConnectOptions::new().filename(EMBEDDED).create_if_missing(true),
            )),
        };
        if env == AppEnv::Production && matches!(server, Server::Sqlite(_)) {
            return Err(if embedded { Error::ProductionWithoutUrl } else { Error::ProductionOnSqlite });
        }
        Ok(Self { server, schema, embedded })
    }

    /// Whether this is the embedded default that nobody named.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.embedded
    }
}

/// Refuses a password with a bare `/`, `?` or `#`: its beginning would be read as a port, and shown as one.
fn check_login(url: &str) -> Result<(), Error> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (login_and_host, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let path = tail.split('?').next().unwrap_or_default();
    if tail.contains('#') || path.contains('@') || (tail.contains('@') && !login_and_host.contains('@')) {
        return Err(Error::Url("it has one of / ? # @ in its login or database".to_owned()));
    }
    Ok(())
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Server::Postgres(options) => {
                let database = options.get_database().unwrap_or(options.get_username());
                let user = options.get_username();
                match options.get_socket() {
                    Some(socket) => write!(
                        f,
                        "PostgreSQL database \"{database}\" as \"{user}\" on socket {}/.s.PGSQL.{}",
                        socket.display(),
                        options.get_port()
                    ),
                    None => write!(
                        f,
                        "PostgreSQL database \"{database}\" as \"{user}\" at {}:{}",
                        options.get_host(),
                        options.get_port()
                    ),
                }
            }
            Server::Sqlite(options) => {
                let path = options.get_filename();
                let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
                write!(f, "SQLite file {}", path.display())
            }
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
    fn a_password_that_ends_the_login_is_refused_and_not_shown() {
        for password in ["6543/s3cret", "6543?s3cret", "6543#s3cret", "6543/s3cret@"] {
            let url = format!("postgres://owner:{password}@db.example/survey");
            let error = Target::resolve(Some(&url), None, AppEnv::Test).unwrap_err().to_string();
            assert!(error.contains("percent-encoded") && !error.contains("s3cret"), "{error}");
            assert!(!error.contains("6543"), "{error}");
        }
        for url in ["postgres:///x?host=/run/postgresql", "postgres://o@h/x?options=-c%20search_path=a@b"] {
            assert!(Target::resolve(Some(url), None, AppEnv::Test).is_ok(), "{url}");
        }
    }

    #[test]
    fn production_needs_a_postgresql_that_somebody_named() {
        let refused = |url| Target::resolve(url, None, AppEnv::Production).unwrap_err();
        assert!(matches!(refused(None), Error::ProductionWithoutUrl));
        assert!(matches!(refused(Some("")), Error::ProductionWithoutUrl));
        assert!(matches!(refused(Some("sqlite://x.db")), Error::ProductionOnSqlite));
        assert!(Target::resolve(Some("postgres://db.example/x"), None, AppEnv::Production).is_ok());
    }

    #[test]
    fn an_app_env_is_one_of_four_words() {
        assert_eq!("staging".parse(), Ok(AppEnv::Staging));
        assert!("prod".parse::<AppEnv>().is_err());
    }
}
