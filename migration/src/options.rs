//! The options of a session, and the events it reports.

use std::time::Duration;

/// How a session waits, and whom it tells.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long to queue behind another migrator.
    pub lock_wait: Duration,
    /// How long one statement waits for a table's lock before the migration is rolled back and tried again.
    pub lock_timeout: Duration,
    /// Whether each statement is logged, at debug level; migrations hold no personal data.
    pub log_statements: bool,
    /// Told of each step as it happens.
    pub report: fn(&Event<'_>),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lock_wait: Duration::from_mins(1),
            lock_timeout: Duration::from_secs(5),
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
    /// Everything was dropped, to be created again.
    Dropped,
    /// A migration lost a race for a lock, and is tried again.
    Retrying {
        /// Its name.
        migration: &'a str,
        /// The attempt that failed, from 1.
        attempt: u32,
        /// The time until the next one.
        pause: Duration,
        /// What the database said.
        reason: &'a str,
    },
    /// A migration was rolled back.
    RolledBack {
        /// Its name.
        migration: &'a str,
        /// How long it took, retries included.
        took: Duration,
    },
    /// Another migrator is at work.
    Waiting {
        /// The process that holds the lock.
        holder: &'a str,
    },
}
