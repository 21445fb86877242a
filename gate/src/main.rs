//! The command line of the gate: `cargo run -p gate -- --help`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    gate::cli::run().await
}
