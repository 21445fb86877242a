//! The command line.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use environment::{AppEnvVariable, chain, load_dot_env};
use tracing_subscriber::EnvFilter;

use crate::{Error, Fixtures, Mode, Target};

/// Loads fixture records into a development or test database.
///
/// Running it again changes nothing. All changes are one transaction, which is rolled back after an error.
#[derive(Parser)]
#[command(name = "seeder", version)]
struct Cli {
    /// Directory of YAML files, one per table [default: the fixtures built into this program].
    #[arg(long, value_name = "DIR")]
    fixtures: Option<PathBuf>,

    /// Load everything, print the report, and roll back.
    #[arg(long)]
    dry_run: bool,

    /// The database, postgres://… or sqlite:… [default: the SQLite file voicesurvey.db].
    #[arg(short = 'u', long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,

    /// The purpose of the database: development, test, staging or production.
    #[arg(long, env = "APP_ENV", default_value = "", hide_default_value = true, value_name = "WORD")]
    app_env: AppEnvVariable,

    /// Show each SQL statement, without its values.
    #[arg(short, long)]
    verbose: bool,
}

/// Parses the command line and the environment, runs the command, and returns the exit code: 0, 1 for a failure, or 2
/// for incorrect usage.
pub async fn run() -> ExitCode {
    if let Err(error) = load_dot_env() {
        return fail(&error.into());
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            // If printing fails, the exit code remains.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match execute(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

async fn execute(Cli { fixtures, dry_run, database_url, app_env, verbose }: Cli) -> Result<(), Error> {
    if verbose {
        // No other target: sqlx warns of a misspelt URL parameter with its value, which may be a password.
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new("sqlx::query=trace"))
            .with_writer(io::stderr)
            .without_time()
            .init();
    }
    let target = Target::resolve(database_url.as_deref(), app_env.0)?;
    if target.is_embedded() {
        tell(&format!("DATABASE_URL is not set: using the {target}"));
    }
    let fixtures = match fixtures {
        Some(directory) => Fixtures::from_dir(&directory)?,
        None => Fixtures::built_in()?,
    };
    let mode = if dry_run { Mode::DryRun } else { Mode::Commit };
    let report = fixtures.load(&target.connect().await?, mode).await?;
    writeln!(io::stdout(), "{report}").map_err(Error::Report)
}

fn fail(error: &Error) -> ExitCode {
    tell(&format!("error: {}", chain(error)));
    ExitCode::FAILURE
}

/// Prints a line to standard error. Unlike `eprintln!`, it does not panic if standard error is closed.
fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
