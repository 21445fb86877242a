//! Which database is meant, whether it may be filled, and the connection to it.

use std::{fmt, io, net::IpAddr, str::FromStr, time::Duration};

use sea_orm::{DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector};
use sqlx::{
    ConnectOptions, Connection,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};

use crate::{Error, error::remedy};

/// How long a server may take to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long SQLite waits for another process that writes to the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The SQLite file that is used without `DATABASE_URL`, relative to the working directory.
const EMBEDDED: &str = "voicesurvey.db";

/// What the database is for, from `APP_ENV`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppEnv {
    /// `APP_ENV` is unset or empty: development, unless the database is on another machine.
    #[default]
    Unset,
    /// A developer's database.
    Development,
    /// An automated test.
    Test,
    /// A rehearsal of production.
    Staging,
    /// Real customers: no fixture ever gets there.
    Production,
}

impl FromStr for AppEnv {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" => Ok(Self::Unset),
            "development" => Ok(Self::Development),
            "test" => Ok(Self::Test),
            "staging" => Ok(Self::Staging),
            "production" => Ok(Self::Production),
            _ => Err("expected development, test, staging or production".to_owned()),
        }
    }
}

/// A database that may be filled. Its `Display` form shows where it is, and no password.
#[derive(Clone)]
pub struct Target {
    server: Server,
    embedded: bool,
}

#[derive(Clone)]
enum Server {
    Postgres(Box<PgConnectOptions>),
    Sqlite(Box<SqliteConnectOptions>),
}

impl Target {
    /// The database of `url`, or of the embedded SQLite file where it is `None` or empty.
    ///
    /// # Errors
    /// `url` is malformed or of another engine, `env` is production, or nothing marks a database on another
    /// machine as one that may be filled.
    pub fn resolve(url: Option<&str>, env: AppEnv) -> Result<Self, Error> {
        if env == AppEnv::Production {
            return Err(Error::Production);
        }
        let url = url.filter(|url| !url.is_empty());
        let server = match url {
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Server::Postgres(Box::new(url.parse().map_err(malformed)?))
            }
            Some(url) if url.starts_with("sqlite:") => {
                Server::Sqlite(Box::new(url.parse().map_err(malformed)?))
            }
            Some(_) => return Err(Error::Scheme),
            None => Server::Sqlite(Box::new(SqliteConnectOptions::new().filename(EMBEDDED))),
        };
        let target = Self { server, embedded: url.is_none() };
        if env == AppEnv::Unset && !target.is_local() {
            return Err(Error::Unmarked { target: target.to_string() });
        }
        Ok(target)
    }

    /// Whether this is the SQLite file that nobody named.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.embedded
    }

    /// Opens a pool of one connection.
    ///
    /// # Errors
    /// The server does not answer within 5 seconds or refuses the login, or the SQLite file is not there.
    pub async fn connect(&self) -> Result<DatabaseConnection, Error> {
        match &self.server {
            Server::Postgres(options) => self.postgres(options).await,
            Server::Sqlite(options) => self.sqlite(options).await,
        }
    }

    async fn postgres(&self, options: &PgConnectOptions) -> Result<DatabaseConnection, Error> {
        let options = options.clone().application_name("seeder");
        // Once outside the pool: the pool takes a refused connection for a passing one, and hides why.
        let probe = async { options.connect().await?.close().await };
        match tokio::time::timeout(CONNECT_TIMEOUT, probe).await {
            Ok(result) => result.map_err(|error| self.unreachable(&error))?,
            Err(_) => return Err(self.unreachable(&sqlx::Error::Io(io::ErrorKind::TimedOut.into()))),
        }
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT_TIMEOUT)
            .connect_lazy_with(options);
        Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
    }

    async fn sqlite(&self, options: &SqliteConnectOptions) -> Result<DatabaseConnection, Error> {
        let options = options
            .clone()
            .create_if_missing(false)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(BUSY_TIMEOUT);
        let file = options.get_filename().to_owned();
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(BUSY_TIMEOUT + CONNECT_TIMEOUT)
            .connect_with(options)
            .await
            .map_err(|error| match error.as_database_error().and_then(sqlx::error::DatabaseError::code) {
                Some(code) if code == "14" && !file.exists() => Error::NoFile { target: self.to_string() },
                _ => self.unreachable(&error),
            })?;
        Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
    }

    /// Whether the database can only be on this machine.
    fn is_local(&self) -> bool {
        let Server::Postgres(options) = &self.server else { return true };
        let host = options.get_host();
        options.get_socket().is_some()
            || host.starts_with('/')
            || host.eq_ignore_ascii_case("localhost")
            || host
                .trim_matches(['[', ']'])
                .parse::<IpAddr>()
                .is_ok_and(|address| address.to_canonical().is_loopback())
    }

    fn unreachable(&self, error: &sqlx::Error) -> Error {
        let (cause, remedy) = match error {
            sqlx::Error::Database(database) => {
                (database.message().to_owned(), remedy(&database.code().unwrap_or_default()))
            }
            sqlx::Error::Io(source) => {
                (source.to_string(), "; start the server, or correct the host and port of DATABASE_URL")
            }
            sqlx::Error::Tls(source) => {
                (source.to_string(), "; correct sslmode and sslrootcert in DATABASE_URL")
            }
            other => (other.to_string(), ""),
        };
        Error::Unreachable { target: self.to_string(), cause, remedy }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Server::Postgres(options) => {
                let user = options.get_username();
                let database = options.get_database().unwrap_or(user);
                let port = options.get_port();
                match options.get_socket() {
                    Some(socket) => write!(
                        f,
                        "PostgreSQL database \"{database}\" as \"{user}\" on socket {}/.s.PGSQL.{port}",
                        socket.display()
                    ),
                    None => write!(
                        f,
                        "PostgreSQL database \"{database}\" as \"{user}\" at {}:{port}",
                        options.get_host()
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

fn malformed(error: sqlx::Error) -> Error {
    Error::Url(match error {
        sqlx::Error::Configuration(source) => source.to_string(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str, env: AppEnv) -> Error {
        Target::resolve(Some(url), env).expect_err(url)
    }

    #[test]
    fn a_target_never_shows_its_password() {
        let target =
            Target::resolve(Some("postgres://owner:s3cret@db.example:6543/survey"), AppEnv::Test).unwrap();
        assert_eq!(target.to_string(), "PostgreSQL database \"survey\" as \"owner\" at db.example:6543");
        assert!(!format!("{target:?}").contains("s3cret"));
    }

    #[test]
    fn production_is_refused_whatever_the_database() {
        for url in ["postgres://localhost/x", "sqlite://x.db", "mysql://x", ""] {
            assert!(matches!(refused(url, AppEnv::Production), Error::Production), "{url}");
        }
        assert!(matches!(Target::resolve(None, AppEnv::Production), Err(Error::Production)));
    }

    #[test]
    fn another_machine_is_refused_until_app_env_marks_it() {
        for host in ["db.example", "10.0.0.1", "[2001:db8::1]", "localhost.example", "127.example"] {
            let url = format!("postgres://u:s3cret@{host}/x");
            let error = refused(&url, AppEnv::Unset);
            assert!(matches!(error, Error::Unmarked { .. }), "{host}");
            assert!(!error.to_string().contains("s3cret"));
            for env in [AppEnv::Development, AppEnv::Test, AppEnv::Staging] {
                assert!(Target::resolve(Some(&url), env).is_ok(), "{host}");
            }
        }
        let by_parameter = "postgres://localhost/x?hostaddr=10.0.0.1";
        assert!(matches!(refused(by_parameter, AppEnv::Unset), Error::Unmarked { .. }));
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
            assert!(Target::resolve(Some(url), AppEnv::Unset).is_ok(), "{url}");
        }
    }

    #[test]
    fn without_a_url_the_target_is_the_embedded_file() {
        for url in [None, Some("")] {
            let target = Target::resolve(url, AppEnv::Unset).unwrap();
            assert!(target.is_embedded());
            assert!(target.to_string().ends_with("/voicesurvey.db"), "{target}");
        }
        assert!(!Target::resolve(Some("sqlite://voicesurvey.db"), AppEnv::Unset).unwrap().is_embedded());
    }

    #[test]
    fn a_url_that_cannot_be_read_is_not_repeated() {
        for url in ["postgres://u:s3cret@host:port/x", "s3cret"] {
            assert!(!refused(url, AppEnv::Test).to_string().contains("s3cret"), "{url}");
        }
    }

    #[test]
    fn an_app_env_is_one_of_four_words() {
        assert_eq!("staging".parse(), Ok(AppEnv::Staging));
        assert_eq!("".parse(), Ok(AppEnv::Unset));
        assert!("prod".parse::<AppEnv>().unwrap_err().contains("staging"));
    }

    #[tokio::test]
    async fn a_missing_sqlite_file_is_not_created() {
        let target = Target::resolve(Some("sqlite:///nowhere/x.db?mode=rwc"), AppEnv::Unset).unwrap();
        let error = target.connect().await.unwrap_err();
        assert!(error.to_string().contains("cargo run -p migration -- up"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_reported_at_once() {
        let target = Target::resolve(Some("postgres://u:s3cret@127.0.0.1:1/x"), AppEnv::Unset).unwrap();
        let error = target.connect().await.unwrap_err().to_string();
        assert!(error.contains("refused") && error.contains("127.0.0.1:1"), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}
