//! Rules for the schema, its migrations and the sources, checked on the sources and on a migrated PostgreSQL.

#![expect(clippy::disallowed_methods, reason = "queries the catalogue of scratch and live databases")]

pub mod catalogue;
pub mod change;
pub mod cli;
pub mod codegen;
pub mod docs;
pub mod drift;
mod error;
mod exceptions;
mod finding;
pub mod generated_files;
pub mod migrations;
pub mod mutation;
pub mod report;
pub mod rule;
pub mod rules;
pub mod run;
pub mod selftest;
pub mod subject;
mod workspace;

pub use catalogue::Catalogue;
pub use error::Error;
pub use finding::{Finding, Place};
pub use subject::Subject;
pub use workspace::Workspace;
