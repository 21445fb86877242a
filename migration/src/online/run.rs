//! What a session gives to the backfill that it runs: its name, its limits and the receiver of events.

use crate::options::{Event, Options};
use std::time::Duration;

tokio::task_local! {
    static CURRENT: Run;
}

/// The migration that a session applies.
///
/// It reaches the builders beside SeaORM's trait, which has no parameter for it. Without it, as when the gate records
/// what a migration executes, a backfill neither stores progress nor is throttled.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) migration: String,
    pub(crate) max_lag: Duration,
    pub(crate) report: fn(&Event<'_>),
}

impl Run {
    pub(crate) fn new(migration: &str, options: &Options) -> Self {
        Self { migration: migration.to_owned(), max_lag: options.max_lag, report: options.report }
    }

    /// Completes `work` as a part of this run.
    pub(crate) async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// The run that the caller is a part of.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }
}
