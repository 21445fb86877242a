//! Reports of failures: an error with its causes, and the remedy for a database's error code.

use std::error::Error;
use std::iter::successors;

/// An error and its causes in one line, separated by colons.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let causes = successors(error.source(), |cause| (*cause).source()).map(|cause| format!(": {cause}"));
    error.to_string() + &causes.collect::<String>()
}

/// The remedy for a SQLSTATE or a result code of SQLite; `None` if the code suggests none
/// (<https://www.postgresql.org/docs/15/errcodes-appendix.html>, <https://www.sqlite.org/rescode.html>).
#[must_use]
pub fn remedy(code: &str) -> Option<&'static str> {
    match code {
        "25006" => return Some("connect to the primary, and to a database that is not read-only"),
        "28P01" | "28000" => {
            return Some("correct the user and password in DATABASE_URL, or the server's pg_hba.conf");
        }
        "3D000" => return Some("create the database first (createdb), or correct its name in DATABASE_URL"),
        "42501" => return Some("connect as the owner of the database, or grant this login the privilege"),
        "53300" => return Some("the server has no connection left: end idle ones or raise max_connections"),
        "57P03" => return Some("the server is starting or stopping: try again"),
        _ => {}
    }
    match sqlite_primary_code(code)? {
        5 => Some("another process writes to the file: try again"),
        8 => Some("make the file and its directory writable"),
        14 => Some("correct the path; sqlite://FILE?mode=rwc creates a file that does not exist"),
        26 => Some("the file is not a SQLite database: name another one"),
        _ => None,
    }
}

/// The primary result code of SQLite, which its extended codes carry in their lowest byte; `None` for a SQLSTATE, which has
/// five characters (<https://www.sqlite.org/rescode.html>).
#[must_use]
pub fn sqlite_primary_code(code: &str) -> Option<u32> {
    let code: u32 = code.parse().ok().filter(|_| code.len() < 5)?;
    Some(code & 0xFF)
}

#[cfg(test)]
mod tests {
    use super::{chain, remedy};
    use std::fmt;

    #[derive(Debug)]
    struct Link(&'static str, Option<Box<Link>>);

    impl fmt::Display for Link {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl std::error::Error for Link {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            self.1.as_deref().map(|link| link as _)
        }
    }

    #[test]
    fn a_chain_shows_every_cause_once() {
        let error = Link("a", Some(Box::new(Link("b", Some(Box::new(Link("c", None)))))));
        assert_eq!(chain(&error), "a: b: c");
    }

    #[test]
    fn an_extended_result_code_has_the_remedy_of_its_primary_one() {
        // SQLITE_READONLY_DBMOVED is SQLITE_READONLY | (4 << 8).
        assert_eq!(remedy("1032"), remedy("8"));
        assert!(remedy("8").is_some());
    }

    #[test]
    fn a_sqlstate_is_not_a_result_code() {
        // 42501 modulo 256 is 5, SQLITE_BUSY.
        assert!(remedy("42501").unwrap().contains("owner"));
        assert_eq!(remedy("42757"), None);
    }
}
