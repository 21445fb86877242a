//! The command line.

use chrono::FixedOffset;
use clap::Parser;
use entity::id::UserId;
use std::time::Duration;

/// Claims contacts that are due, has them called by a simulation, and records the outcomes.
///
/// The database comes from the environment, as .env.example says; it has to be PostgreSQL.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Options {
    /// How many tasks claim and call at the same time.
    #[arg(long, default_value_t = 10)]
    pub tasks: u16,

    /// The most contacts that a task claims at once.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..))]
    pub batch: i64,

    /// Seconds that a task waits when nobody is due.
    #[arg(long, default_value = "60", value_parser = seconds)]
    pub interval: Duration,

    /// Seconds after which a call of which nothing was heard is given up; more than any call takes.
    #[arg(long, default_value = "3600", value_parser = seconds)]
    pub stalled_after: Duration,

    /// The local time of the contacts. A campaign does not say where it calls: this example calls in one time zone.
    #[arg(long, default_value = "+00:00", allow_hyphen_values = true)]
    pub utc_offset: FixedOffset,

    /// The user who acts. By default nobody: what a scheduler does is no person's doing.
    #[arg(long, default_value = "usr_00000000000000000000000000")]
    pub user: UserId,

    /// End when nobody is due and no call is under way.
    #[arg(long)]
    pub until_done: bool,

    /// What the simulated calls depend on.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,

    /// Seconds that a simulated call takes at most.
    #[arg(long, default_value = "3", value_parser = seconds)]
    pub longest_call: Duration,

    /// How many in 100 simulated calls are answered.
    #[arg(long, default_value_t = 70, value_parser = clap::value_parser!(u8).range(..=100))]
    pub answered: u8,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=1e9).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "not a number of seconds from 0 to 1e9".to_owned())
}
