//! The database of a command: a PostgreSQL database or a SQLite file.

use crate::Error;
use environment::{
    AppEnv, EMBEDDED, OLDEST_POSTGRES, Place, describe_postgres, describe_sqlite, parse_postgres,
    parse_sqlite,
};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use tokio::process::Command;

/// The limit of a connection attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// A database. Its `Display` form shows the address without the password.
#[derive(Clone)]
pub enum Target {
    /// A PostgreSQL database.
    Postgres(Box<PgConnectOptions>),
    /// A SQLite file.
    Sqlite(PathBuf),
}

impl Target {
    /// The database of a URL, the value of the option `variable`; without one, the embedded SQLite file.
    ///
    /// # Errors
    /// The URL is malformed or of another engine.
    pub fn resolve(url: Option<&str>, variable: &'static str) -> Result<Self, Error> {
        let wrong = |error: environment::UrlError| Error::Url { variable, reason: error.to_string() };
        match url.filter(|url| !url.is_empty()) {
            None => Ok(Self::Sqlite(EMBEDDED.into())),
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Self::Postgres(Box::new(parse_postgres(url).map_err(wrong)?)))
            }
            Some(url) if url.starts_with("sqlite:") => {
                Ok(Self::Sqlite(parse_sqlite(url).map_err(wrong)?.get_filename().to_owned()))
            }
            Some(_) => Err(Error::Url {
                variable,
                reason: "is neither postgres://… nor sqlite:…; no other database is supported".to_owned(),
            }),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> Place {
        match self {
            Self::Postgres(options) => Place::of(options),
            Self::Sqlite(_) => Place::File,
        }
    }

    /// The warning of a production server that is not verified.
    #[must_use]
    pub fn tls_warning(&self, app_env: Option<AppEnv>) -> Option<String> {
        match self {
            Self::Postgres(options) => environment::tls_warning(options, app_env, self),
            Self::Sqlite(_) => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(options) => f.write_str(&describe_postgres(options)),
            Self::Sqlite(path) => f.write_str(&describe_sqlite(path)),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

/// A connection for commands that take long: the limits of the login do not apply.
///
/// # Errors
/// As [`connect_with`].
pub async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    let mut connection = connect_with(options.clone()).await?;
    let done = sqlx::raw_sql(SESSION).execute(&mut connection).await;
    done.map_err(|error| Error::unreachable(&describe_postgres(options), &error))?;
    Ok(connection)
}

/// A connection with the settings of the login, and those of `options`.
///
/// # Errors
/// The database cannot be reached within 15 seconds, or its server is too old.
pub(crate) async fn connect_with(options: PgConnectOptions) -> Result<PgConnection, Error> {
    let target = describe_postgres(&options);
    let quiet = options.application_name("ops").disable_statement_logging();
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&quiet)).await;
    let connection = connecting.unwrap_or(Err(sqlx::Error::PoolTimedOut));
    let connection = connection.map_err(|error| Error::unreachable(&target, &error))?;
    let found = connection.server_version_num().unwrap_or_default() / 10_000;
    if found < OLDEST_POSTGRES {
        return Err(Error::OldServer { target, found, oldest: OLDEST_POSTGRES });
    }
    Ok(connection)
}

/// Settings under which a row has one text, whatever those of the login are, and a filtered row is an error. No limit ends
/// a long command.
pub(crate) const SESSION: &str = "\
    set search_path = ''; set row_security = off; \
    set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; \
    set extra_float_digits = 1; set bytea_output = 'hex'; set xmloption = 'content'; \
    set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0;";

/// Passes the address, the login and the TLS of a URL to a program of PostgreSQL, by variables that other users of the
/// machine cannot read, as they can its arguments.
///
/// # Errors
/// A certificate or key is in the URL instead of a file.
pub(crate) fn libpq(
    command: &mut Command,
    options: &PgConnectOptions,
    major: u32,
    variable: &'static str,
) -> Result<(), Error> {
    // With what the driver took from its own variables and from the password file.
    let url = options.to_url_lossy();
    let parameter =
        |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let mode = options.get_ssl_mode();
    let mut root = parameter("sslrootcert");
    if matches!(mode, PgSslMode::VerifyFull) && root.is_none() && major >= 16 {
        // The driver trusts the public authorities; libpq has to be told so.
        root = Some("system".to_owned());
    }
    let host = options.get_socket().map_or_else(
        || options.get_host().trim_matches(['[', ']']).to_owned(),
        |socket| socket.display().to_string(),
    );
    let password = url.password().map(|password| {
        let parsed = url::form_urlencoded::parse(format!("p={}", password.replace('+', "%2B")).as_bytes())
            .next()
            .map(|(_, value)| value.into_owned());
        parsed.unwrap_or_default()
    });
    let user = options.get_username();
    let variables = [
        ("PGHOST", Some(host)),
        ("PGPORT", Some(options.get_port().to_string())),
        ("PGUSER", Some(user.to_owned())),
        ("PGDATABASE", Some(options.get_database().unwrap_or(user).to_owned())),
        ("PGPASSWORD", password),
        ("PGOPTIONS", options.get_options().map(ToOwned::to_owned)),
        ("PGSSLMODE", parameter("sslmode")),
        ("PGSSLROOTCERT", root),
        ("PGSSLCERT", parameter("sslcert")),
        ("PGSSLKEY", parameter("sslkey")),
    ];
    for (name, value) in variables {
        if value.as_ref().is_some_and(|value| value.contains("-----BEGIN")) {
            let reason = "has a certificate or key as text; name its file instead".to_owned();
            return Err(Error::Url { variable, reason });
        }
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    for name in ["PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE", "PGTARGETSESSIONATTRS"] {
        command.env_remove(name);
    }
    // Messages in English, which are searched for.
    command.env("LC_ALL", "C").env("PGAPPNAME", "ops").env("PGCONNECT_TIMEOUT", "15");
    Ok(())
}
