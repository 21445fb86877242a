//! The error of the scheduler.

/// The error that ends the scheduler.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The settings or the database failed.
    #[error(transparent)]
    Database(#[from] database::Error),
    /// Simulated calls are not permitted on the database.
    #[error(transparent)]
    NotPermitted(#[from] environment::Refusal),
    /// A task panicked.
    #[error("a task panicked; its calls are requeued as after a crash")]
    Panicked,
    /// The signal handler could not be installed.
    #[error("cannot install the signal handler")]
    Signals(#[from] ctrlc::Error),
    /// The URL cannot be used.
    #[error("DATABASE_URL {0}")]
    Url(environment::UrlError),
}
