//! `cargo run -p seeder`: loads fixture records into a development or test database.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    seeder::cli::run().await
}
