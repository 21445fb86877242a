//! `cargo run -p migration -- up`: migrates a database to the schema of this workspace.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    migration::cli::run::<migration::Migrator>().await
}
