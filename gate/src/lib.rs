//! The rules that this workspace must keep, asked of the sources and of a real PostgreSQL.

pub mod cli;
pub mod codegen;
mod error;
mod workspace;

pub use error::{Error, Finding};
pub use workspace::Workspace;
