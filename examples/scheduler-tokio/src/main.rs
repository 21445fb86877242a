//! The scheduler on tokio.

use scheduler::Error;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    scheduler::main(async |task| tokio::spawn(task).await.unwrap_or(Err(Error::Panicked))).await
}
