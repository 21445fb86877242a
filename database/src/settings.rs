//! Settings from the environment: the URLs of the database, and the parameters of the pools.

use environment::{AppEnv, DotEnvError, EMBEDDED, SigningKey, load_dot_env};
use std::ffi::OsString;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The settings of a [`Database`](crate::Database), each read from the environment variable that its documentation names
/// first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// `DATABASE_URL`: the owner's connection, `postgres://…` or `sqlite:…`; default: the SQLite file `voicesurvey.db`.
    pub database_url: Url,
    /// `CUSTOMER_DATABASE_URL`: the login of customer transactions, a member of the role `customer`; required in
    /// production. Default elsewhere: the owner, which takes the role for the length of each transaction.
    pub customer_database_url: Option<Url>,
    /// `REPLICA_DATABASE_URL`: the replicas that serve [`Database::read`](crate::Database::read), as the hosts of one URL,
    /// `postgres://user:password@replica1:5432,replica2:5432/database`, with the login of `CUSTOMER_DATABASE_URL`. Default:
    /// none, so that the primary serves every read.
    pub replica_database_url: Option<Url>,
    /// `REPLICA_MAX_LAG_MS`: the lag from which a replica is left out; default: 10 s.
    pub replica_max_lag: Duration,
    /// `REPLICA_WAIT_MS`: the time that [`Database::read_after`](crate::Database::read_after) waits for a replica before the
    /// primary serves the read; default: 100 ms.
    pub replica_wait: Duration,
    /// `APP_ENV`: development, test, staging or production; default: development.
    pub app_env: AppEnv,
    /// `DATABASE_POOL_SIZE`: the connections that each pool keeps open; default: 10.
    pub pool_size: u32,
    /// `DATABASE_MAX_OVERFLOW`: the additional connections that each pool opens during a burst; default: 20.
    pub max_overflow: u32,
    /// `DATABASE_PRE_PING`: whether a connection that was idle for half a second is pinged before use, at the cost of one
    /// round trip; default: true.
    pub pre_ping: bool,
    /// `DATABASE_RECYCLE_SECONDS`: the age at which a connection is replaced; default: 3600 s; 0: never.
    pub recycle: Duration,
    /// `DATABASE_ACQUIRE_TIMEOUT_MS`: the limit of the wait for a connection and the `begin` on it; default: 30 s.
    pub acquire_timeout: Duration,
    /// `DATABASE_IDLE_TIMEOUT_SECONDS`: the time without use after which a connection is closed; default: 600 s; 0: never.
    pub idle_timeout: Duration,
    /// `DATABASE_STATEMENT_TIMEOUT_MS`: the time after which the server cancels a statement; default: 30 s. A connection
    /// without a response for another 5 s is closed, as the network may drop packets. 0: no limit for either.
    pub statement_timeout: Duration,
    /// `DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS`: the time without a statement after which the server ends a transaction and
    /// its session, so that a caller that stopped holds no locks; default: 60 s; 0: never.
    pub idle_in_transaction_timeout: Duration,
    /// `DATABASE_LONG_TRANSACTION_MS`: the duration from which a transaction is logged with the names of its queries;
    /// default: 5 s; 0: never.
    pub long_transaction: Duration,
    /// `CONTEXT_SIGNING_KEY`: the key that signs the actor of each customer transaction, `ID:SECRET` as
    /// `migration keys generate` prints it; default: none, for a database without signing keys.
    pub signing_key: Option<SigningKey>,
    /// `DATABASE_APPLICATION_NAME`: the name in `pg_stat_activity`; default: `voicesurvey`.
    pub application_name: String,
    /// `DATABASE_STATEMENT_CACHE`: the prepared statements that each connection keeps; default: 100. 0 is for a pooler
    /// that does not track prepared statements, and includes [`transaction_pooler`](Self::transaction_pooler).
    pub statement_cache: usize,
    /// `DATABASE_TRANSACTION_POOLER`: whether a pooler assigns a connection of the server to each transaction, as `PgBouncer`
    /// in transaction mode does; default: false. Each transaction then sets its timeouts, and removes what another client
    /// left. A statement cache requires that the pooler tracks prepared statements (`max_prepared_statements`).
    pub transaction_pooler: bool,
    /// `DATABASE_REQUIRE_MIGRATIONS`: whether start-up fails if migrations are pending; default: true.
    pub require_migrations: bool,
    /// `DATABASE_SLOW_STATEMENT_MS`: the duration from which a statement is logged as slow; default: 500 ms.
    pub slow_statement: Duration,
}

/// A database URL. Neither `Debug` nor an error shows it, because it may contain a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(String);

impl Url {
    /// Returns the URL, including the password.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns whether it is the URL of a SQLite file.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        self.0.starts_with("sqlite:")
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_sqlite() { "sqlite:…" } else { "postgres://…" })
    }
}

impl FromStr for Url {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let known = ["postgres://", "postgresql://", "sqlite:"];
        if known.iter().any(|scheme| text.starts_with(scheme)) { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

/// An environment variable is invalid. The value is not shown, because it may be a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The value is malformed.
    #[error("{variable} is not {expected}")]
    Form {
        /// The variable.
        variable: &'static str,
        /// The expected form.
        expected: &'static str,
    },
    /// Production requires the variable.
    #[error(
        "APP_ENV is production and {variable} is not set; set it to postgres://user:password@host:5432/database"
    )]
    Missing {
        /// The variable.
        variable: &'static str,
    },
    /// Production requires PostgreSQL.
    #[error("APP_ENV is production and DATABASE_URL names a SQLite file; production runs on PostgreSQL")]
    Sqlite,
    /// The file `.env` cannot be used.
    #[error(transparent)]
    DotEnv(#[from] DotEnvError),
}

impl Settings {
    /// Reads the environment, and for variables that it does not set, the file `.env` of the working directory or a parent.
    ///
    /// # Errors
    /// A variable is malformed, or one that production requires is not set.
    pub fn from_env() -> Result<Self, SettingsError> {
        load_dot_env()?;
        Self::read(std::env::var_os::<&str>)
    }

    /// Reads the variables from `get`. An empty variable counts as unset.
    ///
    /// # Errors
    /// A variable is malformed, or one that production requires is not set.
    pub fn read(get: impl Fn(&'static str) -> Option<OsString>) -> Result<Self, SettingsError> {
        const URL: &str = "postgres://user:password@host:5432/database or sqlite://FILE";
        const COUNT: &str = "a whole number of 0 or more";
        const POSITIVE: &str = "a whole number of 1 or more";
        let source = Source { get };
        let app_env: AppEnv =
            source.parse("APP_ENV", "development, test, staging or production")?.unwrap_or_default();
        let database_url: Option<Url> = source.parse("DATABASE_URL", URL)?;
        let customer_database_url: Option<Url> =
            source.parse("CUSTOMER_DATABASE_URL", "postgres://user:password@host:5432/database")?;
        if customer_database_url.as_ref().is_some_and(Url::is_sqlite) {
            return Err(SettingsError::Form {
                variable: "CUSTOMER_DATABASE_URL",
                expected: "postgres://user:password@host:5432/database; SQLite has no customer login",
            });
        }
        let replica_database_url: Option<Url> = source
            .parse("REPLICA_DATABASE_URL", "postgres://user:password@replica1:5432,replica2:5432/database")?;
        if replica_database_url.as_ref().is_some_and(Url::is_sqlite) {
            return Err(SettingsError::Form {
                variable: "REPLICA_DATABASE_URL",
                expected: "postgres://user:password@replica1:5432,replica2:5432/database; SQLite has no replicas",
            });
        }
        if app_env == AppEnv::Production {
            match &database_url {
                None => return Err(SettingsError::Missing { variable: "DATABASE_URL" }),
                Some(url) if url.is_sqlite() => return Err(SettingsError::Sqlite),
                Some(_) if customer_database_url.is_none() => {
                    return Err(SettingsError::Missing { variable: "CUSTOMER_DATABASE_URL" });
                }
                Some(_) => {}
            }
        }
        let milliseconds = |variable, default| -> Result<Duration, SettingsError> {
            Ok(Duration::from_millis(source.parse(variable, COUNT)?.unwrap_or(default)))
        };
        let seconds = |variable, default| -> Result<Duration, SettingsError> {
            Ok(Duration::from_secs(source.parse(variable, COUNT)?.unwrap_or(default)))
        };
        let pool_size = source.parse("DATABASE_POOL_SIZE", POSITIVE)?.unwrap_or(10);
        if pool_size == 0 {
            return Err(SettingsError::Form { variable: "DATABASE_POOL_SIZE", expected: POSITIVE });
        }
        let acquire_timeout = milliseconds("DATABASE_ACQUIRE_TIMEOUT_MS", 30_000)?;
        if acquire_timeout.is_zero() {
            return Err(SettingsError::Form { variable: "DATABASE_ACQUIRE_TIMEOUT_MS", expected: POSITIVE });
        }
        let statement_timeout = milliseconds("DATABASE_STATEMENT_TIMEOUT_MS", 30_000)?;
        let idle_in_transaction_timeout = milliseconds("DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS", 60_000)?;
        // PostgreSQL keeps them as 32-bit integers.
        for (variable, timeout) in [
            ("DATABASE_STATEMENT_TIMEOUT_MS", statement_timeout),
            ("DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS", idle_in_transaction_timeout),
        ] {
            if i32::try_from(timeout.as_millis()).is_err() {
                let expected = "a whole number of 2147483647 or less";
                return Err(SettingsError::Form { variable, expected });
            }
        }
        Ok(Self {
            database_url: database_url.unwrap_or_else(|| Url(format!("sqlite://{EMBEDDED}"))),
            customer_database_url,
            replica_database_url,
            replica_max_lag: milliseconds("REPLICA_MAX_LAG_MS", 10_000)?,
            replica_wait: milliseconds("REPLICA_WAIT_MS", 100)?,
            app_env,
            pool_size,
            max_overflow: source.parse("DATABASE_MAX_OVERFLOW", COUNT)?.unwrap_or(20),
            pre_ping: source.parse("DATABASE_PRE_PING", "true or false")?.unwrap_or(true),
            recycle: seconds("DATABASE_RECYCLE_SECONDS", 3_600)?,
            acquire_timeout,
            idle_timeout: seconds("DATABASE_IDLE_TIMEOUT_SECONDS", 600)?,
            statement_timeout,
            idle_in_transaction_timeout,
            long_transaction: milliseconds("DATABASE_LONG_TRANSACTION_MS", 5_000)?,
            signing_key: source.parse(
                "CONTEXT_SIGNING_KEY",
                "ID:SECRET as `cargo run -p migration -- keys generate` prints it",
            )?,
            application_name: source
                .parse("DATABASE_APPLICATION_NAME", "text")?
                .unwrap_or_else(|| "voicesurvey".to_owned()),
            statement_cache: source.parse("DATABASE_STATEMENT_CACHE", COUNT)?.unwrap_or(100),
            transaction_pooler: source
                .parse("DATABASE_TRANSACTION_POOLER", "true or false")?
                .unwrap_or(false),
            require_migrations: source.parse("DATABASE_REQUIRE_MIGRATIONS", "true or false")?.unwrap_or(true),
            slow_statement: milliseconds("DATABASE_SLOW_STATEMENT_MS", 500)?,
        })
    }
}

struct Source<F> {
    get: F,
}

impl<F: Fn(&'static str) -> Option<OsString>> Source<F> {
    fn parse<T: FromStr>(
        &self,
        variable: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, SettingsError> {
        let wrong = SettingsError::Form { variable, expected };
        let Some(value) = (self.get)(variable).filter(|value| !value.is_empty()) else { return Ok(None) };
        let text = value.to_str().ok_or_else(|| wrong.clone())?;
        text.parse().map(Some).map_err(|_| wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(|name| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn without_an_environment_the_documented_defaults_hold() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.database_url.expose(), "sqlite://voicesurvey.db");
        assert_eq!((settings.pool_size, settings.max_overflow, settings.pre_ping), (10, 20, true));
        assert_eq!(settings.recycle, Duration::from_hours(1));
        assert_eq!(settings, read(&[("DATABASE_URL", ""), ("DATABASE_POOL_SIZE", "")]).unwrap());
    }

    #[test]
    fn an_error_names_the_variable_and_the_form_and_not_the_value() {
        for (variable, value) in [
            ("DATABASE_URL", "mysql://root:s3cret@h/x"),
            ("CUSTOMER_DATABASE_URL", "sqlite://s3cret.db"),
            ("APP_ENV", "s3cret"),
            ("REPLICA_DATABASE_URL", "sqlite://s3cret.db"),
            ("REPLICA_MAX_LAG_MS", "s3cret"),
            ("DATABASE_POOL_SIZE", "0"),
            ("DATABASE_POOL_SIZE", "s3cret"),
            ("DATABASE_MAX_OVERFLOW", "-1"),
            ("DATABASE_PRE_PING", "s3cret"),
            ("DATABASE_TRANSACTION_POOLER", "s3cret"),
            ("DATABASE_ACQUIRE_TIMEOUT_MS", "1.5"),
            ("DATABASE_ACQUIRE_TIMEOUT_MS", "0"),
            ("DATABASE_STATEMENT_TIMEOUT_MS", "2147483648"),
            ("DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS", "2147483648"),
            ("CONTEXT_SIGNING_KEY", "s3cret"),
        ] {
            let error = read(&[(variable, value)]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{variable} is not ")), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn production_names_both_logins() {
        let production = ("APP_ENV", "production");
        let owner = ("DATABASE_URL", "postgres://owner@h/d");
        let missing = |variable| Err(SettingsError::Missing { variable });
        assert_eq!(read(&[production]), missing("DATABASE_URL"));
        assert_eq!(read(&[production, owner]), missing("CUSTOMER_DATABASE_URL"));
        assert_eq!(read(&[production, ("DATABASE_URL", "sqlite://x")]), Err(SettingsError::Sqlite));
        assert!(read(&[production, owner, ("CUSTOMER_DATABASE_URL", "postgres://app@h/d")]).is_ok());
    }

    #[test]
    fn debug_never_shows_a_password() {
        let url = ("DATABASE_URL", "postgres://owner:s3cret@h/d");
        let customer = ("CUSTOMER_DATABASE_URL", "postgres://app:s3cret@h/d");
        let secret = "5e".repeat(32);
        let key = format!("00000000-0000-4000-8000-000000000001:{secret}");
        let text = format!("{:?}", read(&[url, customer, ("CONTEXT_SIGNING_KEY", &key)]).unwrap());
        assert!(!text.contains("s3cret") && !text.contains(&secret), "{text}");
    }
}
