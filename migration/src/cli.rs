//! The command line: SeaORM's commands and flags, and additional ones.

use crate::keys::{self, Change};
use crate::status::{self, State, Status};
use crate::{Error, Event, Mark, Options, Rows, Session, Target, generate, history};
use clap::{Parser, Subcommand, ValueEnum};
use environment::{AppEnvVariable, chain, load_dot_env};
use sea_orm_migration::prelude::MigratorTrait;
use sea_orm_migration::sea_orm::prelude::Uuid;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

/// Applies and rolls back the migrations of the voice-survey database.
#[derive(Parser)]
#[command(name = "migration", version)]
struct Cli {
    /// Show debug messages.
    #[arg(short, long, global = true)]
    verbose: bool,

    /// Schema to work in; ignored on `SQLite` [default: the first of the login's search path].
    #[arg(short = 's', long, global = true, env = "DATABASE_SCHEMA", value_name = "NAME")]
    database_schema: Option<String>,

    /// The database, postgres://… or sqlite:… [default: the `SQLite` file voicesurvey.db].
    #[arg(
        short = 'u',
        long,
        global = true,
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    database_url: Option<String>,

    /// What the database is used for: development, test, staging or production [default: development]. Destructive
    /// commands on another machine require it.
    #[arg(
        long,
        global = true,
        env = "APP_ENV",
        default_value = "",
        hide_default_value = true,
        value_name = "WORD"
    )]
    app_env: AppEnvVariable,

    /// Seconds to wait for another run of the migrator.
    #[arg(long, global = true, env = "MIGRATION_LOCK_WAIT", default_value_t = 60, value_name = "SECONDS")]
    lock_wait: u32,

    /// Seconds that a statement waits for a table's lock before the migration is retried; 0: no limit.
    #[arg(long, global = true, env = "MIGRATION_LOCK_TIMEOUT", default_value_t = 5, value_name = "SECONDS")]
    lock_timeout: u32,

    /// Seconds that a standby may be behind; a backfill pauses while one is further behind.
    #[arg(long, global = true, env = "MIGRATION_MAX_LAG", default_value_t = 10, value_name = "SECONDS")]
    max_lag: u32,

    /// Permit down, fresh, refresh and reset in production, for this run.
    #[arg(long, global = true)]
    allow_destructive: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Subcommand)]
enum Command {
    /// Generate a new, empty migration.
    Generate {
        /// Verb and object in snake case, for instance `index_contacts_by_due_time`.
        migration_name: String,
        /// Name the file by UTC (default).
        #[arg(long, conflicts_with = "local_time")]
        universal_time: bool,
        /// Name the file by local time.
        #[arg(long)]
        local_time: bool,
    },
    /// Drop all tables and types of the schema, then apply all migrations.
    Fresh,
    /// Show the applied migrations, newest first, each with its time, its duration where known, and its intent.
    History,
    /// Show and change the keys that sign the actors of customer transactions.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Show whether the database is marked as production, or remove the mark.
    Mark {
        /// The new mark.
        #[arg(requires = "confirm")]
        mark: Option<NewMark>,
        /// The name of the database, to remove its mark.
        #[arg(long, requires = "mark", value_name = "DATABASE")]
        confirm: Option<String>,
    },
    /// Roll back all applied migrations, then apply them again.
    Refresh,
    /// Roll back all applied migrations.
    Reset,
    /// Show the state of each migration, and when it was applied.
    Status {
        /// Exit with 1 if a migration is pending, or was changed since it was applied.
        #[arg(long)]
        check: bool,
    },
    /// Apply pending migrations (default command).
    Up {
        /// The number of migrations [default: all].
        #[arg(short, long)]
        num: Option<u32>,
    },
    /// Roll back applied migrations.
    Down {
        /// The number of migrations.
        #[arg(short, long, default_value_t = 1)]
        num: u32,
    },
}

/// What `mark` sets. `up` with `APP_ENV=production` sets the mark.
#[derive(Clone, Copy, ValueEnum)]
enum NewMark {
    /// No mark: the database is not, or no longer, that of production.
    None,
}

#[derive(Clone, Subcommand)]
enum KeysCommand {
    /// Add the key of `CONTEXT_SIGNING_KEY`, valid at once; from the first one on, unsigned actors are refused.
    Add,
    /// Remove every key and accept unsigned actors again.
    Disable,
    /// Print a new key, which contains a secret. No database is changed.
    Generate,
    /// Show the keys, newest first, without their secrets.
    List,
    /// Let a key expire now; the last valid one cannot.
    Retire {
        /// The id, the first part of the key.
        id: Uuid,
    },
}

/// Parses the command line and the environment, runs the command on the migrations of `M`, and returns the exit code:
/// 0, 1 for a failure, or 2 for incorrect usage.
pub async fn run<M: MigratorTrait>() -> ExitCode {
    if let Err(error) = load_dot_env() {
        return fail(&error.into());
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    listen(cli.verbose);
    match execute::<M>(cli).await {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

async fn execute<M: MigratorTrait>(cli: Cli) -> Result<ExitCode, Error> {
    let command = cli.command.unwrap_or(Command::Up { num: None });
    if let Command::Generate { migration_name, local_time, .. } = &command {
        let file = generate::generate(migration_name, *local_time)?;
        say(&format!("Write its header, `up` and `down`: {}", file.display()));
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Keys { command: KeysCommand::Generate } = command {
        say(&keys::generate()?.expose());
        return Ok(ExitCode::SUCCESS);
    }
    let target = Target::resolve(cli.database_url.as_deref(), cli.database_schema.as_deref(), cli.app_env.0)?;
    if target.is_embedded() {
        warn(&format!("DATABASE_URL is not set: using the {target}"));
    }
    if let Some(warning) = target.tls_warning() {
        warn(&format!("warning: {warning}"));
    }
    let options = Options {
        lock_wait: Duration::from_secs(cli.lock_wait.into()),
        lock_timeout: Duration::from_secs(cli.lock_timeout.into()),
        max_lag: Duration::from_secs(cli.max_lag.into()),
        allow_destructive: cli.allow_destructive,
        log_statements: cli.verbose,
        report: tell,
    };
    let database = target.to_string();
    let session = Session::<M>::of(target, options);
    let done = match command {
        Command::Up { num } => session.up(num).await?,
        Command::Down { num } => session.down(Some(num)).await?,
        Command::Reset => session.down(None).await?,
        Command::Refresh => session.refresh().await?,
        Command::Fresh => session.fresh().await?,
        Command::Generate { .. } => 0,
        Command::Keys { command } => {
            manage_keys(&session, &command).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::History => {
            say(&history::render(&session.history().await?));
            return Ok(ExitCode::SUCCESS);
        }
        Command::Mark { mark, confirm } => {
            if let (Some(NewMark::None), Some(confirm)) = (mark, confirm) {
                session.remove_mark(&confirm).await?;
            }
            let word = if session.mark().await? == Mark::Production { "" } else { "not " };
            say(&format!("The {database} is {word}marked as production."));
            return Ok(ExitCode::SUCCESS);
        }
        Command::Status { check } => {
            let list = session.status().await?;
            say(&status::render(&list));
            let wrong = |status: &Status| matches!(status.state, State::Pending | State::Changed(_));
            return Ok(ExitCode::from(u8::from(check && list.iter().any(wrong))));
        }
    };
    if done == 0 {
        say("Nothing to do.");
    }
    Ok(ExitCode::SUCCESS)
}

async fn manage_keys<M: MigratorTrait>(session: &Session<M>, command: &KeysCommand) -> Result<(), Error> {
    let change = match command {
        KeysCommand::Add => Change::Add(std::env::var("CONTEXT_SIGNING_KEY").unwrap_or_default().parse()?),
        KeysCommand::Disable => Change::Disable,
        KeysCommand::Retire { id } => Change::Retire(*id),
        KeysCommand::Generate | KeysCommand::List => {
            say(&keys::render(&session.keys().await?));
            return Ok(());
        }
    };
    session.change_keys(&change).await?;
    say(&keys::render(&session.keys().await?));
    Ok(())
}

/// Logs the server's warnings to standard error; with `--verbose`, also its notices and each statement.
///
/// No other target: sqlx logs an unknown URL parameter with its value, which may be a password.
fn listen(verbose: bool) {
    let filter = if verbose {
        "sea_orm_migration=debug,sqlx::query=debug,sqlx::postgres::notice=debug"
    } else {
        "sqlx::postgres::notice=warn"
    };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_target(verbose)
        .without_time()
        .init();
}

fn tell(event: &Event<'_>) {
    match event {
        Event::Applied { migration, took } => say(&format!("Applied {migration} ({} ms)", took.as_millis())),
        Event::RolledBack { migration, took } => {
            say(&format!("Rolled back {migration} ({} ms)", took.as_millis()));
        }
        Event::Backfilled { migration, rows: Rows { done, left } } => {
            say(&format!("{migration}: {done} rows filled, {left} left"));
        }
        Event::Throttled { migration, reason } => warn(&format!("{migration}: {reason}")),
        Event::Marked => say("Marked the database as production"),
        Event::Dropped => say("Dropped every table and type of the schema"),
        Event::Waiting { holder } => warn(&format!("Waiting for the migration lock, held by {holder}")),
        Event::Retrying { migration, attempt, pause, reason } => warn(&format!(
            "{migration} did not get a lock (attempt {attempt}: {reason}); trying again in {} ms",
            pause.as_millis()
        )),
    }
}

/// Prints a line. `println!` panics if standard output is closed, as by `head`; the migrations continue.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Prints a line to standard error, likewise.
fn warn(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn fail(error: &Error) -> ExitCode {
    warn(&format!("error: {}", chain(error)));
    ExitCode::from(if matches!(error, Error::MigrationName(_)) { 2 } else { 1 })
}
