//! `.env`: variables that the environment of the process does not set.

/// The file `.env` cannot be used. No variant contains a line of it, because a line may contain a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DotEnvError {
    /// A line is not of the form `NAME=value`.
    #[error(
        "the file .env has a line that cannot be read, at its character {0}; write one NAME=value per line"
    )]
    Line(usize),
    /// The file cannot be read.
    #[error("the file .env cannot be read: {0}")]
    File(String),
}

/// Loads `.env` of the working directory or its nearest parent into the environment. Variables that are set already
/// keep their values; without a file nothing changes.
///
/// # Errors
/// The file cannot be read, or has a malformed line.
pub fn load_dot_env() -> Result<(), DotEnvError> {
    match dotenvy::dotenv() {
        Ok(_) => Ok(()),
        Err(error) if error.not_found() => Ok(()),
        Err(dotenvy::Error::LineParse(_, at)) => Err(DotEnvError::Line(at)),
        Err(error) => Err(DotEnvError::File(error.to_string())),
    }
}
