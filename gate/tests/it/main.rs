//! Tests of the gate on a migrated database, on copies of the workspace, and as a program.

#![expect(
    clippy::disallowed_methods,
    reason = "tests change and query databases in ways that no builder expresses"
)]
#![expect(
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "clippy exempts test functions, but not what they share"
)]

mod change;
mod codegen;
mod drift;
mod generated_files;
mod hostile;
mod migrations;
mod rules;

use gate::{Subject, Workspace};
use std::process::Command;

/// This workspace and a database that was migrated from it.
async fn subject() -> Subject {
    Subject::migrated(Workspace::at(None)).await.unwrap()
}

/// The program.
fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
    command.args(arguments);
    command
}
