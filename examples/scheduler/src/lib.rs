//! An example app on `database`: claims the contacts that are due, calls them, and records the outcomes.
//!
//! It is runtime-neutral; the programs `scheduler-tokio` and `scheduler-async-std` run it.

mod error;
mod options;
mod permission;
mod simulation;
mod stop;
mod work;

pub use error::Error;
pub use options::Options;
pub use work::{Dial, Outcome, Scheduler, Summary};

use chrono::Utc;
use clap::Parser as _;
use database::{Database, Settings};
use futures_util::future::{BoxFuture, FutureExt as _, try_join_all};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use tracing_subscriber::EnvFilter;

/// A task for the runtime to run.
pub type Task = BoxFuture<'static, Result<Summary, Error>>;

/// Reads the command line and the environment, runs the scheduler, and prints a summary. `spawn` runs a task on the
/// runtime.
///
/// The exit code is 0, or 1 for a failure; a usage error exits with 2.
pub async fn main(spawn: impl AsyncFn(Task) -> Result<Summary, Error>) -> ExitCode {
    let options = Options::parse();
    // No other targets: sqlx logs an unknown URL parameter with its value, which may be a password.
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("database=info,scheduler=info,sqlx::query=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match run(options, spawn).await {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {}", environment::chain(&error));
            ExitCode::FAILURE
        }
    }
}

async fn run(
    options: Options,
    spawn: impl AsyncFn(Task) -> Result<Summary, Error>,
) -> Result<Summary, Error> {
    let stop = stop::on_signals()?;
    let settings = Settings::from_env().map_err(database::Error::from)?;
    permission::before_connecting(&settings)?;
    let database = Database::connect(&settings).await?;
    permission::before_writing(&database, &settings).await?;
    let scheduler = Arc::new(Scheduler {
        clock: Utc::now,
        database: database.clone(),
        dial: simulation::dialer(&options),
        options,
        stop,
    });
    // A failed task ends the process. Its calls are requeued, as after a crash.
    let tasks = (0..scheduler.options.tasks).map(|_| spawn(Arc::clone(&scheduler).work().boxed()));
    let summary = try_join_all(tasks).await?.into_iter().sum();
    database.close().await?;
    Ok(summary)
}
