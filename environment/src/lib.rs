//! The environment that the programs of this workspace run in: `APP_ENV`, `.env`, database URLs and their TLS, signing keys,
//! error reports, and what is permitted on which database.
//!
//! It depends on no runtime, so that libraries can use it as well as programs.

#![warn(missing_docs)]

mod app_env;
mod dot_env;
mod hosts;
mod parts;
mod permission;
mod report;
mod signing_key;
mod tls;
mod url;

pub use app_env::{AppEnv, AppEnvVariable, UnknownAppEnv};
pub use dot_env::{DotEnvError, load_dot_env};
pub use hosts::{Hosts, TargetSessionAttrs, parse_postgres_hosts};
pub use permission::{Action, Mark, Place, Reason, Refusal, permit};
pub use report::{chain, remedy, sqlite_primary_code};
pub use signing_key::{NotASigningKey, SigningKey};
pub use tls::{TlsFault, tls_fault, tls_warning};
pub use url::{UrlError, describe_postgres, describe_sqlite, parse_postgres, parse_sqlite};

/// The oldest supported major version of PostgreSQL: the first with `ON DELETE SET NULL (column)`
/// (<https://www.postgresql.org/docs/15/release-15.html>).
pub const OLDEST_POSTGRES: u32 = 15;

/// [`OLDEST_POSTGRES`] in the form of `server_version_num`.
pub const OLDEST_POSTGRES_NUM: u32 = OLDEST_POSTGRES * 10_000;

/// The SQLite file that is used without `DATABASE_URL`, relative to the working directory.
pub const EMBEDDED: &str = "voicesurvey.db";
