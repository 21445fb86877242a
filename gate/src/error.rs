//! What is wrong with the workspace, as opposed to why nobody could find out.

use std::fmt;
use std::path::PathBuf;

/// A defect of a file, at the line where it is to be cured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, relative to the workspace.
    pub file: &'static str,
    /// From 1.
    pub line: usize,
    /// What is wrong and, where that is not the same, what to do.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Why the gate could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The PostgreSQL was lost, or answers what none should.
    #[error("PostgreSQL cannot be asked")]
    Database(#[from] sqlx::Error),
    /// A file cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was to be done, as a verb.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The schema cannot be made.
    #[error("the migrations fail")]
    Migration(#[from] migration::Error),
    /// The generated code cannot be formatted.
    #[error("rustfmt cannot format the generated code: {0}; if it is missing: rustup component add rustfmt")]
    Rustfmt(String),
    /// There is no PostgreSQL.
    #[error("no PostgreSQL to ask")]
    Scratch(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An entity is not Rust, or not one.
    #[error("cannot understand {}: {reason}", path.display())]
    Source {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
