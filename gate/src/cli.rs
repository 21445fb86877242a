//! The command line.

use crate::{Error, Finding, Workspace, codegen};
use clap::{Parser, Subcommand};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Keeps what is generated in step with what it is generated from.
///
/// Exit code: 0 all is well, 1 something is to be cured, 2 nobody could find out, or a wrong use.
#[derive(Parser)]
#[command(name = "gate", version)]
struct Cli {
    /// The workspace [default: the one that this program was built in].
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write database/src/codegen from database/queries.sql, typed by a migrated PostgreSQL.
    Codegen {
        /// Write nothing; fail if the file is not what would be written.
        #[arg(long)]
        check: bool,
    },
}

/// Reads the command line, does what it says, and returns the exit code.
pub async fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            // Where not even this can be printed, the exit code has to do.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let workspace = Workspace::at(cli.root);
    let findings = match cli.command {
        Command::Codegen { check: true } => codegen::check(&workspace).await,
        Command::Codegen { check: false } => codegen::write(&workspace).await,
    };
    match findings {
        Ok(findings) if findings.is_empty() => ExitCode::SUCCESS,
        Ok(findings) => tell(&findings),
        Err(error) => fail(&error),
    }
}

fn tell(findings: &[Finding]) -> ExitCode {
    let mut out = io::stdout().lock();
    for finding in findings {
        if writeln!(out, "{finding}").is_err() {
            break;
        }
    }
    ExitCode::from(1)
}

fn fail(error: &Error) -> ExitCode {
    let mut text = format!("error: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    let _ = writeln!(io::stderr(), "{text}");
    ExitCode::from(2)
}
