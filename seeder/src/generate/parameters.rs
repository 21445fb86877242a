//! The parameters of a run, from which all its rows derive.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::ValueEnum;

use super::phone;

/// The number of contacts with everything that belongs to them that are one transaction.
pub(super) const CHUNK: i64 = 2_000;

/// The end of the history, unless `--until` is given: a Friday, during the hours of calls.
pub(super) const UNTIL: &str = "2026-10-30T16:00:00Z";

/// The shortest history, which leaves room for each state of a campaign.
pub(super) const SHORTEST_HISTORY: i64 = 7;

/// The longest history, ten years.
pub(super) const LONGEST_HISTORY: i64 = 3_653;

/// A size that options can change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// 2 organizations, 1,000 contacts, 30 days: loaded in about a second.
    #[default]
    Small,
    /// 3 organizations, 50,000 contacts, 90 days: the first months of the product.
    Pilot,
    /// 20 organizations, 1,000,000 contacts, 365 days.
    Large,
}

impl Profile {
    /// The number of organizations, of contacts, and of days of history.
    pub(super) const fn sizes(self) -> (i64, i64, i64) {
        match self {
            Self::Small => (2, 1_000, 30),
            Self::Pilot => (3, 50_000, 90),
            Self::Large => (20, 1_000_000, 365),
        }
    }
}

/// What is generated. Its `Display` form is the command line, and the seed of every random number: different parameters
/// have different ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The number of organizations.
    pub organizations: i64,
    /// The number of contacts in all of them.
    pub contacts: i64,
    /// The number of campaigns of each organization.
    pub campaigns: i64,
    /// The days before `until` in which everything happened.
    pub history: i64,
    /// The seed.
    pub seed: u64,
    /// The end of the history.
    pub until: DateTime<Utc>,
}

impl Parameters {
    /// The number of campaigns of each organization unless it is given: enough for each state, and for every contact of a
    /// campaign to have a telephone number of its own.
    pub(super) fn default_campaigns(organizations: i64, contacts: i64) -> i64 {
        let largest = (contacts + organizations - 1) / organizations.max(1);
        (largest * 3 / phone::COUNT + 1).max(8)
    }
}

impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { organizations, contacts, campaigns, history, seed, until } = self;
        write!(
            f,
            "--organizations {organizations} --contacts {contacts} --campaigns {campaigns} --history {history} \
             --seed {seed} --until {}",
            until.to_rfc3339_opts(SecondsFormat::AutoSi, true)
        )
    }
}
