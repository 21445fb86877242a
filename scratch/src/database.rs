//! One database, for the duration of a test.

use crate::server::{Inner, Server};
use crate::{Error, external, sql};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A database that is dropped with this value, even while connections to it are open.
#[must_use = "the database is dropped at once"]
pub struct Database {
    name: String,
    // Keeps the server running for as long as the database is needed.
    server: Arc<Inner>,
}

impl Server {
    /// Creates an empty database, dropped with the value; its name contains `prefix`.
    ///
    /// # Errors
    /// If the server refuses, or its libraries were upgraded underneath it.
    pub fn create_database(&self, prefix: &str) -> Result<Database, Error> {
        Database::create(&self.inner, prefix, None)
    }

    /// Creates a copy of a database without sessions: faster than migrating an empty one.
    ///
    /// # Errors
    /// If the server refuses, or its libraries were upgraded underneath it.
    pub fn create_database_from(&self, template: &Database, prefix: &str) -> Result<Database, Error> {
        Database::create(&self.inner, prefix, Some(template.name()))
    }
}

impl Database {
    fn create(server: &Arc<Inner>, prefix: &str, template: Option<&str>) -> Result<Self, Error> {
        server.check_libraries()?;
        let name = unique_name(&server.token, prefix);
        // template0, because another session may be connected to template1.
        let source = template.unwrap_or("template0");
        let statement =
            format!("create database {} template {}", sql::identifier(&name), sql::identifier(source));
        let hint = if template.is_some() { "; close every connection to the template first" } else { "" };
        // Created before the statement, so that the database is dropped also if the response is lost.
        let database = Self { name, server: Arc::clone(server) };
        sql::execute(server.admin(), statement).map_err(|e| {
            sql::error(
                server.place(),
                format!("create the database {} from {source}", database.name),
                hint,
                e,
            )
        })?;
        Ok(database)
    }

    /// Its name on the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL, for the server's administrator; it may hold a password.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let statement = format!("drop database if exists {} with (force)", sql::identifier(&self.name));
        if let Err(error) = sql::execute(self.server.admin(), statement) {
            // A panic here would hide the test's own.
            eprintln!("scratch: {}: cannot drop the database {}: {error}", self.server.place(), self.name);
        }
    }
}

fn unique_name(token: &str, prefix: &str) -> String {
    /// The longest identifier of PostgreSQL, in bytes.
    const LONGEST: usize = 63;
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let mut name: String =
        format!("{}_{number}_", external::run_name(token)).chars().chain(prefix.chars().map(plain)).collect();
    name.truncate(LONGEST);
    name
}

#[cfg(test)]
mod tests {
    use super::unique_name;

    #[test]
    fn a_name_is_unique_plain_and_at_most_63_bytes() {
        let prefix = "Ärger \"with'; ".repeat(20);
        let (one, two) = (unique_name("0123456789ab", &prefix), unique_name("0123456789ab", &prefix));
        assert_ne!(one, two);
        assert_eq!(one.len(), 63);
        assert!(one.starts_with("scratch_0123456789ab_"), "{one}");
        assert!(one.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{one}");
    }
}
