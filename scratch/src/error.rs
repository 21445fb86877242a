//! Errors, by remedy.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The longest directory for a server, in bytes: a socket's path has at most 103 bytes (macOS), 33 of which are ours,
/// `/scratch-pg-XXXXXX/.s.PGSQL.65535`.
pub(crate) const LONGEST_ROOT: usize = 70;

/// A failure to provide a server, or of a request to it. No message contains a password.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No server is named, installed or downloadable.
    #[error(
        "no PostgreSQL {minimum} or newer for the tests\n\
         looked at: {looked_at}\n\
         one of these helps:\n\
         - set TEST_DATABASE_URL to a running server: postgres://USER:PASSWORD@HOST:PORT/postgres, with a login that is SUPERUSER or has CREATEDB and CREATEROLE\n\
         - install the server (Debian: apt install postgresql, macOS: brew install postgresql@18), or name its directory of initdb and postgres in SCRATCH_PG_BIN\n\
         - let it be downloaded: {download}",
        minimum = environment::OLDEST_POSTGRES
    )]
    NotFound {
        /// Each directory that was considered, with the reason against it.
        looked_at: String,
        /// Why the download failed, and the remedy.
        download: String,
    },

    /// `SCRATCH_PG_BIN` names a directory that cannot be used.
    #[error("SCRATCH_PG_BIN: {}: {reason}; name the directory that holds initdb and postgres", .directory.display())]
    Binaries {
        /// The directory named.
        directory: PathBuf,
        /// The fault.
        reason: String,
    },

    /// The client programs are not installed.
    #[error(
        "pg_dump, pg_restore and psql of PostgreSQL {oldest} or newer are not installed (found: {}); \
         install them (Debian: apt install postgresql-client-{oldest}), or name their directory in SCRATCH_PG_BIN",
        if looked_at.is_empty() { "none" } else { looked_at }
    )]
    NoClients {
        /// The oldest major version that is required.
        oldest: u32,
        /// Those that were found, with their versions.
        looked_at: String,
    },

    /// `TEST_DATABASE_URL` is not a URL of a PostgreSQL server.
    #[error(
        "TEST_DATABASE_URL {reason}; it must read postgres://USER:PASSWORD@HOST:PORT/DATABASE, reserved characters percent-encoded (the value is not shown, it may hold a password)"
    )]
    Url {
        /// The fault, without the URL's text.
        reason: String,
    },

    /// The server of `TEST_DATABASE_URL` cannot be reached, or refuses the login.
    #[error(
        "TEST_DATABASE_URL: cannot connect to {place}; start that server, correct the URL, or unset it to use a server of our own"
    )]
    Unreachable {
        /// The login and the address.
        place: String,
        /// The error of the driver or the server.
        #[source]
        source: Box<sqlx::Error>,
    },

    /// The server of `TEST_DATABASE_URL` cannot be reached because of TLS.
    #[error("TEST_DATABASE_URL: cannot connect to {place}: {}; {}", fault.cause, fault.remedy)]
    Tls {
        /// The login and the address.
        place: String,
        /// The cause and the remedy.
        fault: environment::TlsFault,
    },

    /// `TEST_DATABASE_URL` names a database that is marked as production.
    #[error("TEST_DATABASE_URL cannot be used")]
    NotPermitted(#[source] environment::Refusal),

    /// The server was not started by this process.
    #[error("{place} is not stopped, because it is not our own; unset TEST_DATABASE_URL to use one that is")]
    NotOurs {
        /// The server's address.
        place: String,
    },

    /// The server of `TEST_DATABASE_URL` is too old.
    #[error("TEST_DATABASE_URL: {place} is PostgreSQL {major}, but {minimum} is the oldest supported; name a newer server", minimum = environment::OLDEST_POSTGRES)]
    TooOld {
        /// The login and the address.
        place: String,
        /// The server's major version.
        major: u32,
    },

    /// The login of `TEST_DATABASE_URL` lacks a privilege that the tests require.
    #[error(
        "TEST_DATABASE_URL: the login of {place} lacks {missing}; as an administrator: alter role {role} {missing}"
    )]
    Privilege {
        /// The login and the address.
        place: String,
        /// The login's role, quoted as an identifier.
        role: String,
        /// The attributes that it lacks.
        missing: String,
    },

    /// The caller is root, and there is no other account to run the server.
    #[error(
        "PostgreSQL does not run as root, and /etc/passwd has no account postgres, nobody, or any other without privileges; create one (useradd --system postgres) or run as an ordinary user"
    )]
    NoAccount,

    /// There is no directory that is short enough for a socket, and reachable.
    #[error("no directory for a server: tried {tried}; set TMPDIR to a directory of at most {limit} bytes that the server's account may write to", limit = LONGEST_ROOT)]
    NoDirectory {
        /// Each directory with the reason against it.
        tried: String,
    },

    /// A server of our own did not start.
    #[error("PostgreSQL in {} did not start: {reason}\nthe end of its log:\n{log}", .binaries.display())]
    Start {
        /// Where its programs are.
        binaries: PathBuf,
        /// The reason.
        reason: String,
        /// The last lines that `initdb` and `postgres` wrote.
        log: String,
    },

    /// The programs or libraries of a running server were replaced.
    #[error("{place}: the server's libraries were upgraded underneath it ({detail}); restart it")]
    Upgraded {
        /// The server's address or programs.
        place: String,
        /// How that was detected.
        detail: String,
    },

    /// A statement failed.
    #[error("{place}: cannot {action}{hint}")]
    Sql {
        /// The server's address.
        place: String,
        /// The action.
        action: String,
        /// The remedy where one is known, with its separator, or empty.
        hint: &'static str,
        /// The error of the driver or the server.
        #[source]
        source: Box<sqlx::Error>,
    },

    /// A request to the operating system failed.
    #[error("cannot {action}; check that it exists, its permissions and the free space")]
    Io {
        /// The action and its file.
        action: String,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn io(action: &str, path: &Path, source: io::Error) -> Self {
        Self::Io { action: format!("{action} {}", path.display()), source }
    }
}

// `unwrap` and a test that returns `Err` print the `Debug` form: it is the readable message.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&environment::chain(self))
    }
}
