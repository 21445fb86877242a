//! The options of a session, and the events it reports.

use std::time::Duration;

/// The timeouts, logging and event callback of a session.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The limit of the wait for another migrator.
    pub lock_wait: Duration,
    /// The limit of a statement's wait for a table's lock, after which the migration is rolled back and retried.
    pub lock_timeout: Duration,
    /// The replication lag of a standby at which a backfill pauses; in whole seconds.
    pub max_lag: Duration,
    /// Whether a database of `APP_ENV=production` may lose its data.
    pub allow_destructive: bool,
    /// Whether each statement is logged, at debug level; migrations hold no personal data.
    pub log_statements: bool,
    /// Receives each event as it happens.
    pub report: fn(&Event<'_>),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lock_wait: Duration::from_mins(1),
            lock_timeout: Duration::from_secs(5),
            max_lag: Duration::from_secs(10),
            allow_destructive: false,
            log_statements: false,
            report: |_| (),
        }
    }
}

/// A step of a session.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A migration was applied.
    Applied {
        /// Its name.
        migration: &'a str,
        /// How long it took, retries included.
        took: Duration,
    },
    /// A backfill has filled rows, and is complete if none is left.
    Backfilled {
        /// Its name.
        migration: &'a str,
        /// The rows filled by all runs, and those left.
        rows: Rows,
    },
    /// Everything was dropped, to be created again.
    Dropped,
    /// The database was marked as production.
    Marked,
    /// A migration failed with a lock timeout, deadlock or serialization failure, and is retried.
    Retrying {
        /// Its name.
        migration: &'a str,
        /// The attempt that failed, from 1.
        attempt: u32,
        /// The time until the next one.
        pause: Duration,
        /// The message of the database.
        reason: &'a str,
    },
    /// A migration was rolled back.
    RolledBack {
        /// Its name.
        migration: &'a str,
        /// How long it took, retries included.
        took: Duration,
    },
    /// A backfill is slowed down, or cannot find out whether it should be.
    Throttled {
        /// Its name.
        migration: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// Another migrator holds the lock.
    Waiting {
        /// The process that holds the lock.
        holder: &'a str,
    },
}

/// The rows of a backfill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The rows it has filled.
    pub done: i64,
    /// The rows it still has to fill.
    pub left: i64,
}
