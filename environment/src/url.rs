//! Database URLs: parsed without showing a password, and described in messages.

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::path::{Path, absolute};

/// Parses `postgres://…`.
///
/// # Errors
/// The reason in words, without the URL. A password with a bare `/`, `?` or `#` is refused: its first part would be
/// taken for a port, and shown as one.
pub fn parse_postgres(url: &str) -> Result<PgConnectOptions, String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (login_and_host, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let path = tail.split('?').next().unwrap_or_default();
    if tail.contains('#') || path.contains('@') || (tail.contains('@') && !login_and_host.contains('@')) {
        return Err("it has one of / ? # @ in its login or database".to_owned());
    }
    url.parse().map_err(|error| reason(&error))
}

/// Parses `sqlite:…`.
///
/// # Errors
/// The reason in words.
pub fn parse_sqlite(url: &str) -> Result<SqliteConnectOptions, String> {
    url.parse().map_err(|error| reason(&error))
}

/// The cause of a configuration error, which sqlx repeats in a longer sentence.
fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Configuration(source) => source.to_string(),
        other => other.to_string(),
    }
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
            let error =
                parse_postgres(&format!("postgres://owner:{password}@db.example/survey")).unwrap_err();
            assert!(!error.contains("s3cret") && !error.contains("6543"), "{error}");
        }
        for url in ["postgres:///x?host=/run/postgresql", "postgres://o@h/x?options=-c%20search_path=a@b"] {
            assert!(parse_postgres(url).is_ok(), "{url}");
        }
    }
}
