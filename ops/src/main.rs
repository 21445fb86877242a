//! `cargo run -p ops`: backs up a database, restores a backup, and proves that it can be restored.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // The TLS of buckets; it fails only if there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    ops::cli::run().await
}
