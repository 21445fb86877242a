//! The command line of retention.

use super::{Entry, Hook, Limits, PastLimit, Removed, Summary, Work, history};
use crate::{Error, Progress, Store};
use clap::{Args, Subcommand, ValueEnum};
use environment::AppEnv;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// The name of the command.
const COMMAND: &str = "retention";

/// The default of `--hook-timeout`, for commands that have no hook.
pub(crate) const HOOK_TIMEOUT: Duration = Duration::from_mins(1);

#[derive(Debug, Subcommand)]
pub(crate) enum Retention {
    /// Remove recordings and transcripts past the limits of their organization, published events, sent e-mails, and what was
    /// marked as deleted.
    Run {
        /// The database, postgres://….
        #[arg(short = 'u', long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
        database_url: Option<String>,
        /// Print what would be removed, and change nothing.
        #[arg(long)]
        dry_run: bool,
        /// Continue until nothing is past its limit, instead of one batch of each kind.
        #[arg(long)]
        until_done: bool,
        /// Days after which a row that is marked as deleted is removed, with everything that belongs to it.
        #[arg(long, env = "RETENTION_DELETED_DAYS", default_value = "30", value_name = "DAYS", value_parser = days())]
        deleted_days: i64,
        /// Days after which an e-mail that was sent, or failed, is removed.
        #[arg(long, env = "RETENTION_EMAIL_DAYS", default_value = "90", value_name = "DAYS", value_parser = days())]
        email_days: i64,
        /// Days after which a published event is removed.
        #[arg(long, env = "RETENTION_EVENT_DAYS", default_value = "90", value_name = "DAYS", value_parser = days())]
        event_days: i64,
        /// The maximum number of rows of a batch, without those that belong to them.
        #[arg(long, default_value = "500", value_name = "ROWS", value_parser = clap::value_parser!(i64).range(1..=10_000))]
        batch: i64,
        /// The part of the time in which the run, or the count of `--dry-run`, is at work, in percent; the rest is pauses.
        #[arg(long, default_value = "10", value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=100))]
        load: u32,
        #[command(flatten)]
        hook: HookArguments,
        /// The form of what `--dry-run` prints.
        #[arg(long, default_value = "text")]
        format: Format,
    },
    /// Show the newest runs.
    History {
        /// The database, postgres://….
        #[arg(short = 'u', long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
        database_url: Option<String>,
        /// The number of runs.
        #[arg(long, default_value = "20", value_name = "RUNS")]
        limit: u64,
        /// The form of the output.
        #[arg(long, default_value = "text")]
        format: Format,
    },
}

/// The form of an output.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// Lines for people.
    Text,
    /// One JSON document.
    Json,
}

fn days() -> clap::builder::RangedI64ValueParser<i64> {
    clap::value_parser!(i64).range(1..)
}

/// The hook that deletes the files of recordings.
#[derive(Debug, Args)]
pub(crate) struct HookArguments {
    /// The shell command that deletes recordings: it reads their URLs from standard input, one in each line.
    #[arg(
        long = "hook-command",
        env = "RETENTION_HOOK_COMMAND",
        hide_env_values = true,
        value_name = "COMMAND"
    )]
    command: Option<String>,
    /// The HTTP endpoint that deletes recordings: it receives them as JSON, with `RETENTION_HOOK_TOKEN` as bearer token.
    #[arg(
        long = "hook-url",
        env = "RETENTION_HOOK_URL",
        hide_env_values = true,
        value_name = "URL",
        conflicts_with = "command"
    )]
    url: Option<String>,
    /// The time after which a call of the hook has failed, at most 10min.
    #[arg(long = "hook-timeout", default_value = "1min", value_name = "DURATION", value_parser = hook_timeout)]
    timeout: Duration,
}

impl HookArguments {
    /// The hook, if there is one.
    pub(crate) fn hook(&self) -> Result<Option<Hook>, Error> {
        let token = std::env::var("RETENTION_HOOK_TOKEN").ok();
        Ok(match (filled(self.command.clone()), filled(self.url.clone())) {
            (Some(command), _) => Some(Hook::command(command, self.timeout)),
            (None, Some(url)) => Some(Hook::url(&url, token.as_deref(), self.timeout)?),
            (None, None) => None,
        })
    }

    /// The limit of a call of the hook.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }
}

fn hook_timeout(text: &str) -> Result<Duration, String> {
    let timeout = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let permitted = Duration::from_secs(1)..=Duration::from_mins(10);
    if permitted.contains(&timeout) { Ok(timeout) } else { Err("it is not between 1s and 10min".to_owned()) }
}

impl Retention {
    /// Returns what is printed to standard output.
    pub(crate) async fn execute(self, app_env: Option<AppEnv>, progress: &Progress) -> Result<String, Error> {
        match self {
            Self::History { database_url, limit, format } => {
                let store = Store::open(filled(database_url).as_deref(), COMMAND, HOOK_TIMEOUT).await?;
                let runs = history(&store, limit).await?;
                Ok(match format {
                    Format::Json => json(&json!(runs)),
                    Format::Text if runs.is_empty() => "No run of retention is recorded".to_owned(),
                    Format::Text => runs.iter().map(Entry::to_string).collect::<Vec<_>>().join("\n"),
                })
            }
            Self::Run {
                database_url,
                dry_run,
                until_done,
                deleted_days,
                email_days,
                event_days,
                batch,
                load,
                hook,
                format,
            } => {
                let started = Instant::now();
                let limits = Limits { deleted_days, email_days, event_days };
                let store = Store::open(filled(database_url).as_deref(), COMMAND, hook.timeout()).await?;
                let hook = hook.hook()?;
                if dry_run {
                    progress.step("Counting what is past its limit");
                    let past = store.past_limit(limits, load, None).await?;
                    return Ok(match format {
                        Format::Json => json(&plan(&past)),
                        Format::Text if past.rows.is_empty() => "Nothing is past its limit".to_owned(),
                        Format::Text => lines(&past),
                    });
                }
                store.permit(app_env).await?;
                let work = Work { limits, until_done, batch, load };
                let Summary { id, removed, left, recordings } =
                    store.run(work, hook.as_ref(), progress).await?;
                let line = format!(
                    "Removed {} in {:.1} s, as {id}{}",
                    numbers(&removed),
                    started.elapsed().as_secs_f64(),
                    remark(&left)
                );
                let Some(reason) = recordings else { return Ok(line) };
                progress.note(&line);
                let recordings = format!("{}{}", bound(&left), left.of_kind("recordings"));
                Err(Error::Recordings { recordings, source: Box::new(reason) })
            }
        }
    }
}

/// An option that is not empty, as one of an environment variable may be.
pub(crate) fn filled(option: Option<String>) -> Option<String> {
    option.filter(|text| !text.is_empty())
}

fn json(value: &Value) -> String {
    format!("{value:#}")
}

fn plan(past: &PastLimit) -> Value {
    past.rows
        .iter()
        .map(|((organization, kind), rows)| json!({ "organization_id": organization, "kind": kind, "rows": rows }))
        .collect()
}

fn lines(past: &PastLimit) -> String {
    let lines = past.rows.iter().map(|((organization, kind), rows)| {
        let organization = organization.map_or_else(|| "-".to_owned(), |id| id.to_string());
        format!("{organization:<30}  {kind:<22}  {rows:>9}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn numbers(removed: &Removed) -> String {
    if removed.is_empty() {
        return "nothing".to_owned();
    }
    removed.iter().map(|(kind, number)| format!("{number} {kind}")).collect::<Vec<_>>().join(", ")
}

/// What is left, by kind.
fn remark(left: &PastLimit) -> String {
    let kinds: BTreeSet<&str> = left.rows.keys().map(|(_, kind)| kind.as_str()).collect();
    if kinds.is_empty() {
        return String::new();
    }
    let kinds: Vec<String> = kinds.into_iter().map(|kind| format!("{} {kind}", left.of_kind(kind))).collect();
    format!("; still past the limits: {}{}", bound(left), kinds.join(", "))
}

/// What precedes numbers that are lower bounds.
fn bound(past: &PastLimit) -> &'static str {
    if past.is_bounded { "at least " } else { "" }
}
