//! An example of an app on `database`: claims the contacts that are due, has them called, and records the outcomes.
//!
//! It knows no runtime; `scheduler-tokio` and `scheduler-async-std` bring one each.

mod options;
mod simulation;
mod stop;
mod work;

pub use options::Options;
pub use work::{Dial, Outcome, Scheduler, Summary};

use chrono::Utc;
use clap::Parser as _;
use database::{Database, Settings};
use futures_util::future::{BoxFuture, FutureExt as _, try_join_all};
use std::error::Error as _;
use std::io;
use std::iter::successors;
use std::process::ExitCode;
use std::sync::Arc;
use tracing_subscriber::EnvFilter;

/// Why the scheduler ended before it was told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] database::Error),
    /// A task is gone.
    #[error("a task panicked; its calls are given up as after a crash")]
    Panicked,
    /// There is no way to hear Ctrl-C.
    #[error("the signals that stop it cannot be listened for: {0}")]
    Signals(#[from] ctrlc::Error),
}

/// What a task is, for the runtime that runs it.
pub type Task = BoxFuture<'static, Result<Summary, Error>>;

/// Reads the command line and the environment, works, and prints what was done. `spawn` runs a task on the runtime.
///
/// The exit code is 0, or 1 for a failure; a wrong use ends the process with 2.
pub async fn main(spawn: impl AsyncFn(Task) -> Result<Summary, Error>) -> ExitCode {
    let options = Options::parse();
    // No further targets: sqlx warns of a misspelt URL parameter with its value, which may be a password.
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("database=info,scheduler=info,sqlx::query=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match run(options, spawn).await {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprint!("error: {error}");
            for cause in successors(error.source(), |cause| (*cause).source()) {
                eprint!(": {cause}");
            }
            eprintln!();
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
    let database = Database::connect(&settings).await?;
    let scheduler = Arc::new(Scheduler {
        clock: Utc::now,
        database: database.clone(),
        dial: simulation::dialer(&options),
        options,
        stop,
    });
    // One that fails ends the process. Nothing is lost by that: it is a crash like any other.
    let tasks = (0..scheduler.options.tasks).map(|_| spawn(Arc::clone(&scheduler).work().boxed()));
    let summary = try_join_all(tasks).await?.into_iter().sum();
    database.close().await?;
    Ok(summary)
}
