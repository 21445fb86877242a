//! `cargo run -p seeder`: fills a development or test database with fixture records.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    seeder::cli::run().await
}
