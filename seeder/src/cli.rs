//! The command line.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::{self, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::Utc;
use clap::{Args, CommandFactory as _, Parser, Subcommand, error::ErrorKind};
use environment::{AppEnvVariable, chain, load_dot_env};
use tracing_subscriber::EnvFilter;

use crate::{
    Error, Fixtures, Mode, Target, check,
    generate::{Options, Parameters, generate},
};

/// The exit code of a process that SIGINT ended.
const INTERRUPTED: i32 = 130;

/// Loads fixture records into a development or test database, or generates data.
///
/// Without a command it loads the fixture records. Running it again changes nothing. All changes are one transaction, which
/// is rolled back after an error.
#[derive(Parser)]
#[command(name = "seeder", version)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// Directory of YAML files, one per table [default: the fixtures built into this program].
    #[arg(long, value_name = "DIR")]
    fixtures: Option<PathBuf>,

    /// Load everything, print the report, and roll back.
    #[arg(long)]
    dry_run: bool,

    /// The database, postgres://… or sqlite:… [default: the SQLite file voicesurvey.db].
    #[arg(
        short = 'u',
        long,
        global = true,
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    database_url: Option<String>,

    /// The purpose of the database: development, test, staging or production.
    #[arg(
        long,
        global = true,
        env = "APP_ENV",
        default_value = "",
        hide_default_value = true,
        value_name = "WORD"
    )]
    app_env: AppEnvVariable,

    /// Show each SQL statement, without its values.
    #[arg(short, long, global = true)]
    verbose: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Generates any amount of realistic data, the same for the same options, or checks that data are consistent:
    /// docs/data.md and docs/consistency.md.
    Generate(Generate),
}

#[derive(Args)]
struct Generate {
    /// Check the consistency rules of docs/consistency.md, print violations, and change nothing. The database may be any.
    #[arg(long, conflicts_with_all = ["profile", "organizations", "contacts", "campaigns", "history", "seed", "until", "append", "resume", "connections"])]
    check: bool,

    #[command(flatten)]
    options: Options,
}

/// Parses the command line and the environment, runs the command, and returns the exit code: 0, 1 for a failure, or 2
/// for incorrect usage.
pub async fn run() -> ExitCode {
    if let Err(error) = load_dot_env() {
        return fail(&error.into());
    }
    let (cli, parameters) = match Cli::try_parse().and_then(Cli::checked) {
        Ok(checked) => checked,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            // If printing fails, the exit code remains.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    execute(cli, parameters).await.unwrap_or_else(|error| fail(&error))
}

impl Cli {
    /// Returns the parameters of the data to generate, `None` if none are to be.
    fn checked(self) -> Result<(Self, Option<Parameters>), clap::Error> {
        match &self.command {
            Some(Command::Generate(Generate { check: false, options })) => match options.parameters() {
                Ok(parameters) => Ok((self, Some(parameters))),
                Err(message) => Err(Self::command().error(ErrorKind::ValueValidation, message)),
            },
            _ => Ok((self, None)),
        }
    }
}

async fn execute(cli: Cli, parameters: Option<Parameters>) -> Result<ExitCode, Error> {
    let Cli { command, fixtures, dry_run, database_url, app_env, verbose } = cli;
    if verbose {
        // No other target: sqlx warns of a misspelt URL parameter with its value, which may be a password.
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new("sqlx::query=trace"))
            .with_writer(io::stderr)
            .without_time()
            .init();
    }
    if let Some(Command::Generate(Generate { check: true, .. })) = command {
        return check_rules(&announced(Target::to_check(database_url.as_deref())?)).await;
    }
    let target = announced(Target::resolve(database_url.as_deref(), app_env.0)?);
    let report = if let (Some(Command::Generate(Generate { options, .. })), Some(parameters)) =
        (command, parameters)
    {
        let stop = stop_on_signals()?;
        tell(&format!("generate {parameters}"));
        generate(&target, &parameters, options.start(), options.connections(), &stop).await?.to_string()
    } else {
        let fixtures = match fixtures {
            Some(directory) => Fixtures::from_dir(&directory)?,
            None => Fixtures::built_in()?,
        };
        let mode = if dry_run { Mode::DryRun } else { Mode::Commit };
        fixtures.load(&target.connect().await?, mode).await?.to_string()
    };
    writeln!(io::stdout(), "{report}").map_err(Error::Report)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the report of the rules; the exit code is 1 if one is violated.
async fn check_rules(target: &Target) -> Result<ExitCode, Error> {
    let tx = target.connect().await?.admin().await.map_err(|error| Error::transaction(&error))?;
    let report = check(&tx, Utc::now()).await?;
    writeln!(io::stdout(), "{report}").map_err(Error::Report)?;
    Ok(if report.is_consistent() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints the database if no URL names it.
fn announced(target: Target) -> Target {
    if target.is_embedded() {
        tell(&format!("DATABASE_URL is not set: using the {target}"));
    }
    target
}

/// Returns a flag that SIGINT, SIGTERM or SIGHUP sets. The second one ends the process.
fn stop_on_signals() -> Result<Arc<AtomicBool>, Error> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            process::exit(INTERRUPTED);
        }
        tell("stopping after the transactions under way; press Ctrl-C again to roll them back");
    })?;
    Ok(stop)
}

fn fail(error: &Error) -> ExitCode {
    tell(&format!("error: {}", chain(error)));
    ExitCode::FAILURE
}

/// Prints a line to standard error. Unlike `eprintln!`, it does not panic if standard error is closed.
fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
