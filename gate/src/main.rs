//! `cargo run -p gate -- codegen`: writes, or with `--check` compares, what is generated.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    gate::cli::run().await
}
