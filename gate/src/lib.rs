//! The rules that this workspace must keep, asked of the sources and of a real PostgreSQL.

pub mod catalogue;
pub mod cli;
pub mod codegen;
mod diagram;
pub mod entities;
mod error;
mod exceptions;
mod finding;
pub mod generated_files;
pub mod lock;
pub mod main_branch;
mod migration_files;
mod models;
mod replay;
pub mod report;
pub mod rule;
pub mod rules;
pub mod run;
mod schema;
pub mod schema_docs;
pub mod schema_sql;
pub mod selftest;
pub mod subject;
mod workspace;

pub use catalogue::Catalogue;
pub use error::Error;
pub use exceptions::Exceptions;
pub use finding::{Finding, Place};
pub use subject::Subject;
pub use workspace::Workspace;
