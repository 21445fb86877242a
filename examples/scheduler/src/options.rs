//! The command line.

use chrono::FixedOffset;
use clap::Parser;
use std::time::Duration;

/// Claims contacts that are due, simulates the calls, and records the outcomes.
///
/// The database settings are read from the environment, see .env.example. It requires PostgreSQL, and refuses production.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Options {
    /// The number of concurrent tasks.
    #[arg(long, default_value_t = 10)]
    pub tasks: u16,

    /// The maximum number of contacts that a task claims at once.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..))]
    pub batch: i64,

    /// Seconds that a task waits if no contact is due.
    #[arg(long, default_value = "60", value_parser = seconds)]
    pub interval: Duration,

    /// Seconds after which a call without an outcome is requeued. Must exceed the longest call.
    #[arg(long, default_value = "3600", value_parser = seconds)]
    pub stalled_after: Duration,

    /// The UTC offset of the contacts' local time. A campaign has no time zone, so this example uses one for all.
    #[arg(long, default_value = "+00:00", allow_hyphen_values = true)]
    pub utc_offset: FixedOffset,

    /// Exit when no contact is due and no call is under way.
    #[arg(long)]
    pub until_done: bool,

    /// The seed of the simulated calls.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,

    /// The maximum duration of a simulated call, in seconds.
    #[arg(long, default_value = "3", value_parser = seconds)]
    pub longest_call: Duration,

    /// The percentage of simulated calls that are answered.
    #[arg(long, default_value_t = 70, value_parser = clap::value_parser!(u8).range(..=100))]
    pub answered: u8,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=1e9).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "not a number of seconds from 0 to 1e9".to_owned())
}
