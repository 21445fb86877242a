//! The database to seed or to check.

use std::{ffi::OsString, fmt, path::PathBuf};

use database::{AppEnv, Database, Mark, Settings};
use environment::{Action, Place, describe_postgres, describe_sqlite, parse_postgres, parse_sqlite, permit};
use sqlx::postgres::PgConnectOptions;

use crate::Error;

/// A database that may be seeded. Its `Display` form shows the address without the password.
#[derive(Clone)]
pub struct Target {
    settings: Settings,
    server: Server,
    embedded: bool,
}

#[derive(Clone)]
enum Server {
    Postgres(Box<PgConnectOptions>),
    Sqlite(PathBuf),
}

impl Target {
    /// The database of `url`, or of the embedded SQLite file where it is `None` or empty. `None` for `env` is
    /// development, unless the database is on another machine. Other settings of `database` come from the environment.
    ///
    /// # Errors
    /// `url` is malformed or of another engine, or [`permit`] refuses fixtures. It refuses a database that is marked as
    /// production when they are loaded.
    pub fn resolve(url: Option<&str>, env: Option<AppEnv>) -> Result<Self, Error> {
        // What `env` refuses everywhere is refused also if the URL is malformed.
        permit(Action::LoadFixtures, Place::File, env, Mark::Absent, &"database")?;
        let target = Self::read(url, None)?;
        permit(Action::LoadFixtures, target.place(), env, Mark::Absent, &target)?;
        Ok(target)
    }

    /// The database of `url`, as [`Target::resolve`] finds it, to be read only: any database is permitted, and its
    /// statements may take any time.
    ///
    /// # Errors
    /// `url` is malformed or of another engine.
    pub fn to_check(url: Option<&str>) -> Result<Self, Error> {
        Self::read(url, Some("0"))
    }

    fn read(url: Option<&str>, statement_timeout: Option<&str>) -> Result<Self, Error> {
        let url = url.filter(|url| !url.is_empty());
        let settings = Settings::read(|variable| match variable {
            "DATABASE_URL" => url.map(OsString::from),
            "DATABASE_APPLICATION_NAME" => Some("seeder".into()),
            "DATABASE_POOL_SIZE" => Some("1".into()),
            "DATABASE_STATEMENT_TIMEOUT_MS" if statement_timeout.is_some() => {
                statement_timeout.map(OsString::from)
            }
            "APP_ENV" | "CUSTOMER_DATABASE_URL" | "DATABASE_REQUIRE_MIGRATIONS" => None,
            other => std::env::var_os(other),
        })?;
        let text = settings.database_url.expose();
        let server = if settings.database_url.is_sqlite() {
            let options = parse_sqlite(text).map_err(Error::Url)?;
            Server::Sqlite(options.get_filename().to_owned())
        } else {
            Server::Postgres(Box::new(parse_postgres(text).map_err(Error::Url)?))
        };
        Ok(Self { settings, server, embedded: url.is_none() })
    }

    /// Whether this is the embedded default.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.embedded
    }

    /// Opens the database.
    ///
    /// # Errors
    /// The server does not respond or refuses the login, the SQLite file does not exist, or migrations are pending.
    pub async fn connect(&self) -> Result<Database, Error> {
        if let Server::Sqlite(file) = &self.server
            && !file.exists()
        {
            return Err(Error::NoFile { target: self.to_string() });
        }
        Database::connect_admin(&self.settings)
            .await
            .map_err(|error| Error::connection(self.to_string(), error))
    }

    /// The options of a connection, or `None` for SQLite.
    pub(crate) fn postgres(&self) -> Option<&PgConnectOptions> {
        match &self.server {
            Server::Postgres(options) => Some(options),
            Server::Sqlite(_) => None,
        }
    }

    fn place(&self) -> Place {
        match &self.server {
            Server::Postgres(options) => Place::of(options),
            Server::Sqlite(_) => Place::File,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Server::Postgres(options) => f.write_str(&describe_postgres(options)),
            Server::Sqlite(path) => f.write_str(&describe_sqlite(path)),
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
    use environment::Reason;

    use super::*;

    fn refused(url: &str, env: Option<AppEnv>) -> Error {
        Target::resolve(Some(url), env).expect_err(url)
    }

    fn is_refused(error: &Error, reason: Reason) -> bool {
        matches!(error, Error::NotPermitted(refusal) if refusal.reason == reason)
    }

    #[test]
    fn a_target_never_shows_its_password() {
        let target =
            Target::resolve(Some("postgres://owner:s3cret@db.example:6543/survey"), Some(AppEnv::Test))
                .unwrap();
        assert_eq!(target.to_string(), "PostgreSQL database \"survey\" as \"owner\" at db.example:6543");
        assert!(!format!("{target:?}").contains("s3cret"));
    }

    #[test]
    fn production_is_refused_whatever_the_database() {
        for url in ["postgres://localhost/x", "sqlite://x.db", "mysql://x", ""] {
            let error = refused(url, Some(AppEnv::Production));
            assert!(is_refused(&error, Reason::Production), "{url}: {error}");
        }
        let error = Target::resolve(None, Some(AppEnv::Production)).unwrap_err();
        assert!(is_refused(&error, Reason::Production), "{error}");
    }

    #[test]
    fn another_machine_is_refused_unless_app_env_is_set() {
        for host in ["db.example", "10.0.0.1", "[2001:db8::1]", "localhost.example", "127.example"] {
            let url = format!("postgres://u:s3cret@{host}/x");
            let error = refused(&url, None);
            assert!(is_refused(&error, Reason::Undeclared), "{host}");
            assert!(!error.to_string().contains("s3cret"));
            for env in [AppEnv::Development, AppEnv::Test, AppEnv::Staging] {
                assert!(Target::resolve(Some(&url), Some(env)).is_ok(), "{host}");
            }
        }
        let by_parameter = "postgres://localhost/x?hostaddr=10.0.0.1";
        assert!(is_refused(&refused(by_parameter, None), Reason::Undeclared));
    }

    #[test]
    fn this_machine_needs_no_mark() {
        for url in [
            "postgres://localhost/x",
            "postgresql://127.0.0.1:6543/x",
            "postgres://127.8.9.10/x",
            "postgres://[::1]/x",
            "postgres://%2Fvar%2Frun%2Fpostgresql/x",
            "postgres://u@localhost/x?host=/tmp/socket",
            "sqlite://x.db",
            "",
        ] {
            assert!(Target::resolve(Some(url), None).is_ok(), "{url}");
        }
    }

    #[test]
    fn without_a_url_the_target_is_the_embedded_file() {
        for url in [None, Some("")] {
            let target = Target::resolve(url, None).unwrap();
            assert!(target.is_embedded());
            assert!(target.to_string().ends_with("/voicesurvey.db"), "{target}");
        }
        assert!(!Target::resolve(Some("sqlite://voicesurvey.db"), None).unwrap().is_embedded());
    }

    #[test]
    fn a_url_that_cannot_be_read_is_not_repeated() {
        for url in ["postgres://u:s3cret@host:port/x", "s3cret"] {
            assert!(!refused(url, Some(AppEnv::Test)).to_string().contains("s3cret"), "{url}");
        }
    }

    #[tokio::test]
    async fn a_missing_sqlite_file_is_not_created() {
        let target = Target::resolve(Some("sqlite:///nowhere/x.db?mode=rwc"), None).unwrap();
        let error = target.connect().await.unwrap_err();
        assert!(error.to_string().contains("cargo run -p migration -- up"), "{error}");
    }

    #[tokio::test]
    async fn an_unreachable_server_is_reported_at_once() {
        let target = Target::resolve(Some("postgres://u:s3cret@127.0.0.1:1/x"), None).unwrap();
        let error = target.connect().await.unwrap_err().to_string();
        assert!(error.contains("refused") && error.contains("127.0.0.1:1"), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}
