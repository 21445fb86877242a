//! The database to seed, and whether seeding it is permitted.

use std::{ffi::OsString, fmt, net::IpAddr, path::PathBuf};

use database::{AppEnv, Database, Settings};
use environment::{describe_postgres, describe_sqlite, parse_postgres, parse_sqlite};
use sqlx::postgres::PgConnectOptions;

use crate::Error;

/// A database that may be seeded. Its `Display` form shows the address without the password.
#[derive(Clone)]
pub struct Target {
    settings: Settings,
    place: Place,
    embedded: bool,
}

#[derive(Clone)]
enum Place {
    Postgres(Box<PgConnectOptions>),
    Sqlite(PathBuf),
}

impl Target {
    /// The database of `url`, or of the embedded SQLite file where it is `None` or empty. `None` for `env` is
    /// development, unless the database is on another machine. Other settings of `database` come from the environment.
    ///
    /// # Errors
    /// `url` is malformed or of another engine, `env` is production, or nothing marks a database on another
    /// machine as one that may be seeded.
    pub fn resolve(url: Option<&str>, env: Option<AppEnv>) -> Result<Self, Error> {
        if env == Some(AppEnv::Production) {
            return Err(Error::Production);
        }
        let url = url.filter(|url| !url.is_empty());
        let settings = Settings::read(|variable| match variable {
            "DATABASE_URL" => url.map(OsString::from),
            "DATABASE_APPLICATION_NAME" => Some("seeder".into()),
            "DATABASE_POOL_SIZE" => Some("1".into()),
            "APP_ENV" | "CUSTOMER_DATABASE_URL" | "DATABASE_REQUIRE_MIGRATIONS" => None,
            other => std::env::var_os(other),
        })?;
        let text = settings.database_url.expose();
        let place = if settings.database_url.is_sqlite() {
            let options = parse_sqlite(text).map_err(Error::Url)?;
            Place::Sqlite(options.get_filename().to_owned())
        } else {
            Place::Postgres(Box::new(parse_postgres(text).map_err(Error::Url)?))
        };
        let target = Self { settings, place, embedded: url.is_none() };
        if env.is_none() && !target.is_local() {
            return Err(Error::Unmarked { target: target.to_string() });
        }
        Ok(target)
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
        if let Place::Sqlite(file) = &self.place
            && !file.exists()
        {
            return Err(Error::NoFile { target: self.to_string() });
        }
        Database::connect(&self.settings).await.map_err(|error| Error::connection(self.to_string(), error))
    }

    /// Whether the database is certainly on this machine.
    fn is_local(&self) -> bool {
        let Place::Postgres(options) = &self.place else { return true };
        let host = options.get_host();
        options.get_socket().is_some()
            || host.starts_with('/')
            || host.eq_ignore_ascii_case("localhost")
            || host
                .trim_matches(['[', ']'])
                .parse::<IpAddr>()
                .is_ok_and(|address| address.to_canonical().is_loopback())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Postgres(options) => f.write_str(&describe_postgres(options)),
            Place::Sqlite(path) => f.write_str(&describe_sqlite(path)),
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

    fn refused(url: &str, env: Option<AppEnv>) -> Error {
        Target::resolve(Some(url), env).expect_err(url)
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
            assert!(matches!(refused(url, Some(AppEnv::Production)), Error::Production), "{url}");
        }
        assert!(matches!(Target::resolve(None, Some(AppEnv::Production)), Err(Error::Production)));
    }

    #[test]
    fn another_machine_is_refused_unless_app_env_is_set() {
        for host in ["db.example", "10.0.0.1", "[2001:db8::1]", "localhost.example", "127.example"] {
            let url = format!("postgres://u:s3cret@{host}/x");
            let error = refused(&url, None);
            assert!(matches!(error, Error::Unmarked { .. }), "{host}");
            assert!(!error.to_string().contains("s3cret"));
            for env in [AppEnv::Development, AppEnv::Test, AppEnv::Staging] {
                assert!(Target::resolve(Some(&url), Some(env)).is_ok(), "{host}");
            }
        }
        let by_parameter = "postgres://localhost/x?hostaddr=10.0.0.1";
        assert!(matches!(refused(by_parameter, None), Error::Unmarked { .. }));
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
