//! A real PostgreSQL for the duration of a test or a gate run, without manual set-up.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let database = scratch::Server::shared()?.create_database("contacts")?;
//! println!("{}", database.url());
//! # Ok(())
//! # }
//! ```
//!
//! The source of the server; the first match wins:
//! 1. `TEST_DATABASE_URL`, if set and not empty: the URL of a running PostgreSQL 15 or newer whose login is
//!    SUPERUSER, or has both CREATEDB and CREATEROLE. If that server cannot be used the run fails;
//!    nothing else is tried. It must be reached directly, not through a transaction pooler.
//! 2. `SCRATCH_PG_BIN`, if set: a directory with `initdb` and `postgres`. Otherwise the newest such directory on
//!    `PATH`, named by `pg_config`, or in the usual places of packages. The server listens on a socket in a
//!    private directory, also when the caller is root: it then runs as `postgres` or another ordinary account.
//! 3. The download of `postgresql_embedded`, with the feature `download`.
//! 4. An [`Error`] that names the remedies for all three.
//!
//! Nothing remains afterwards. A server of our own belongs to a supervisor process that holds the read end of a
//! pipe from us: however this process ends, the pipe closes, the server stops and its directory is removed.
//! Databases on the server of `TEST_DATABASE_URL` are dropped with their [`Database`]; those of an interrupted run
//! are dropped by a `psql` that waits on such a pipe, where one is installed, and otherwise by the next run.
//!
//! Every call blocks and is permitted from any thread, inside or outside any asynchronous runtime: no connection
//! outlives the call that created it, so nothing is tied to the runtime of one test.
//!
//! One server serves a process. For one server across several test binaries, run them under this crate's
//! program: `cargo run -p scratch -- cargo test`.

#![expect(clippy::disallowed_methods, reason = "creates and drops databases and roles")]

mod account;
mod companion;
mod database;
mod directory;
mod download;
mod error;
mod external;
mod find;
mod local;
mod options;
mod percent;
mod server;
mod sql;
mod supervisor;
mod token;

pub use companion::Companion;
pub use database::Database;
pub use error::Error;
pub use find::Clients;
pub use options::Options;
pub use server::Server;
