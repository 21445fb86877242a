//! The options of `seeder generate`.

use chrono::{DateTime, Datelike as _, Utc};
use clap::Args;

use super::{
    parameters::{LONGEST_HISTORY, Parameters, Profile, SHORTEST_HISTORY, UNTIL},
    run::Start,
};

/// The number of connections unless it is given: one for each processor, but no more than this.
const MOST_CONNECTIONS: usize = 8;

/// The years of `--until`: ids of version 7 count from 1970, and the longest history is ten years.
const EARLIEST: i32 = 1990;
const LATEST: i32 = 9_000;

/// The options of `seeder generate`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The size, which the other options change.
    #[arg(long, value_enum, default_value_t)]
    profile: Profile,

    /// The number of organizations.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=10_000))]
    organizations: Option<i64>,

    /// The number of contacts in all organizations.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=100_000_000))]
    contacts: Option<i64>,

    /// The number of campaigns of each organization [default: 8, or more so that no telephone number repeats in one].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1_000))]
    campaigns: Option<i64>,

    /// The days in which everything happened.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(SHORTEST_HISTORY..=LONGEST_HISTORY))]
    history: Option<i64>,

    /// The seed: the same options with the same seed generate the same rows.
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,

    /// The end of the history.
    #[arg(long, value_name = "TIME", default_value = UNTIL)]
    until: DateTime<Utc>,

    /// Add to the data of the database.
    #[arg(long, conflicts_with = "resume")]
    append: bool,

    /// Continue a run with the same options that ended early.
    #[arg(long)]
    resume: bool,

    /// The number of connections that write [default: the number of processors, at most 8]; SQLite has one.
    #[arg(long, value_name = "N", visible_alias = "threads", value_parser = clap::value_parser!(u16).range(1..=64))]
    connections: Option<u16>,
}

impl Options {
    /// The parameters, or a message about options that exclude each other.
    ///
    /// # Errors
    /// Fewer contacts than organizations, or a history that an id of version 7 cannot express.
    pub fn parameters(&self) -> Result<Parameters, String> {
        let Self { profile, organizations, contacts, campaigns, history, seed, until, .. } = self;
        let sizes = profile.sizes();
        let organizations = organizations.unwrap_or(sizes.0);
        let contacts = contacts.unwrap_or(sizes.1);
        if contacts < organizations {
            return Err(format!(
                "{organizations} organizations need at least as many --contacts, not {contacts}"
            ));
        }
        let campaigns = campaigns.unwrap_or_else(|| Parameters::default_campaigns(organizations, contacts));
        let history = history.unwrap_or(sizes.2);
        if !(EARLIEST..=LATEST).contains(&until.year()) {
            return Err(format!("--until is a time of the years {EARLIEST} to {LATEST}"));
        }
        Ok(Parameters { organizations, contacts, campaigns, history, seed: *seed, until: *until })
    }

    /// What the run requires of the database.
    #[must_use]
    pub fn start(&self) -> Start {
        match self {
            Self { append: true, .. } => Start::Append,
            Self { resume: true, .. } => Start::Resume,
            _ => Start::Empty,
        }
    }

    /// The number of connections that write.
    #[must_use]
    pub fn connections(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from).min(MOST_CONNECTIONS);
        self.connections.map_or_else(processors, usize::from)
    }
}
