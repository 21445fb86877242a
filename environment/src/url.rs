//! Database URLs: parsed without showing a password, and described in messages.

use crate::{parts, tls};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::path::{Path, absolute};

/// A database URL cannot be used: the predicate of a sentence whose subject is its variable. It does not show the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The URL is malformed.
    #[error(
        "cannot be read ({0}); write postgres://user:password@host:5432/database, with special characters percent-encoded"
    )]
    Form(String),
    /// The URL names several hosts, and the program uses one.
    #[error("names several hosts; this program uses one: name the primary alone")]
    SeveralHosts,
    /// The TLS parameters, or the files that they name, cannot be used.
    #[error("has TLS parameters that cannot be used: {0}")]
    Tls(String),
}

/// Parses `postgres://…`, and checks the certificate files that it names.
///
/// # Errors
/// The URL is malformed, or a certificate cannot be used. A password with a bare `/`, `?` or `#` is refused: its first part would be
/// taken for a port, and shown as one. A URL with several hosts is for [`parse_postgres_hosts`](crate::parse_postgres_hosts).
pub fn parse_postgres(url: &str) -> Result<PgConnectOptions, UrlError> {
    if parts::has_several(url) { Err(UrlError::SeveralHosts) } else { parse_one(url) }
}

/// Parses a URL with one host.
pub(crate) fn parse_one(url: &str) -> Result<PgConnectOptions, UrlError> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (login_and_host, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let path = tail.split('?').next().unwrap_or_default();
    if tail.contains('#') || path.contains('@') || (tail.contains('@') && !login_and_host.contains('@')) {
        return Err(UrlError::Form("it has one of / ? # @ in its login or database".to_owned()));
    }
    let options = url.parse().map_err(|error| form(&error))?;
    tls::check(url, &options).map_err(UrlError::Tls)?;
    Ok(options)
}

/// Parses `sqlite:…`.
///
/// # Errors
/// The URL is malformed.
pub fn parse_sqlite(url: &str) -> Result<SqliteConnectOptions, UrlError> {
    url.parse().map_err(|error| form(&error))
}

fn form(error: &sqlx::Error) -> UrlError {
    UrlError::Form(match error {
        // sqlx repeats the cause in a longer sentence.
        sqlx::Error::Configuration(source) => source.to_string(),
        other => other.to_string(),
    })
}

/// The database, the login and the address, without the password.
#[must_use]
pub fn describe_postgres(options: &PgConnectOptions) -> String {
    let user = options.get_username();
    let database = options.get_database().unwrap_or(user);
    let port = options.get_port();
    let address = match options.get_socket() {
        Some(socket) => format!("on socket {}/.s.PGSQL.{port}", socket.display()),
        None => format!("at {}:{port}", options.get_host()),
    };
    format!("PostgreSQL database \"{database}\" as \"{user}\" {address}")
}

/// The absolute path of the file.
#[must_use]
pub fn describe_sqlite(path: &Path) -> String {
    let path = absolute(path).unwrap_or_else(|_| path.to_owned());
    format!("SQLite file {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::{describe_postgres, parse_postgres};

    #[test]
    fn a_description_has_no_password() {
        let options = parse_postgres("postgres://owner:s3cret@db.example:6543/survey").unwrap();
        assert_eq!(
            describe_postgres(&options),
            "PostgreSQL database \"survey\" as \"owner\" at db.example:6543"
        );
    }

    #[test]
    fn a_password_that_ends_the_login_is_refused_and_not_shown() {
        for password in ["6543/s3cret", "6543?s3cret", "6543#s3cret", "6543/s3cret@"] {
            let error = parse_postgres(&format!("postgres://owner:{password}@db.example/survey"))
                .unwrap_err()
                .to_string();
            assert!(!error.contains("s3cret") && !error.contains("6543"), "{error}");
        }
        for url in ["postgres:///x?host=/run/postgresql", "postgres://o@h/x?options=-c%20search_path=a@b"] {
            assert!(parse_postgres(url).is_ok(), "{url}");
        }
    }
}
