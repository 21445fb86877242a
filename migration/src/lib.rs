//! The history of the schema: one reversible migration per table, and the command line that applies them.
//!
//! The migrations are the files of `src/migrations`; the other files are the program that applies them.

#![expect(clippy::disallowed_methods, reason = "policies, grants, triggers and functions have no builder")]

pub mod annotations;
pub mod cli;
mod connect;
mod ddl;
pub mod distributed;
mod emitted;
mod error;
mod generate;
pub mod header;
mod history;
pub mod keys;
mod ledger;
mod lock;
mod mark;
mod migrations;
pub mod online;
mod options;
mod session;
mod statements;
mod status;
mod target;
mod tokens;

pub use ddl::{index_name, literal};
pub use emitted::{Emitted, Script, accepts, emitted};
pub use environment::{AppEnv, Mark};
pub use error::Error;
pub use generate::{TEMPLATE, write_migrations};
pub use history::Applied;
pub use options::{Event, Options, Rows};
pub use session::Session;
pub use statements::{digest, statements};
pub use status::{State, Status};
pub use target::Target;
pub use tokens::{Token, tokens};

use sea_orm_migration::prelude::{MigrationTrait, MigratorTrait, async_trait};

/// The migrations of this workspace, in the order of their names.
#[derive(Clone, Copy, Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        migrations::all()
    }
}
