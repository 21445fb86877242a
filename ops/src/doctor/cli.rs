//! The command line of `ops doctor`.

use super::check::Check;
use super::finding::Verdict;
use super::subject::Request;
use super::{ALL, doctor, render};
use crate::{Error, Progress, Target};
use clap::Args;
use environment::AppEnv;
use gate::report::Format;
use std::io::{self, Write as _};
use std::path::PathBuf;

/// The options of `ops doctor`.
#[derive(Args)]
pub struct Arguments {
    /// The database, postgres://… or sqlite:… [default: the `SQLite` file voicesurvey.db].
    #[arg(
        short = 'u',
        long,
        visible_alias = "database-url",
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    database: Option<String>,
    /// The place of the backups, a directory or `s3://BUCKET/PREFIX`.
    #[arg(long, value_name = "PLACE")]
    backups: Option<String>,
    /// The report of the last drill, drill-TIME.json, or the directory of the reports.
    #[arg(long, value_name = "FILE")]
    drill: Option<PathBuf>,
    /// The format of the report.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Run only this check; repeatable.
    #[arg(long, value_name = "CHECK", value_parser = check)]
    only: Vec<&'static Check>,
    /// Another value of a threshold of docs/doctor.md, for instance `long_transactions.warn=30min`; repeatable.
    #[arg(long, value_name = "NAME=VALUE", value_parser = threshold)]
    threshold: Vec<(&'static str, f64)>,
    /// Exit with 1 for warnings as well.
    #[arg(long)]
    deny_warnings: bool,
}

// The URL may hold a password.
impl std::fmt::Debug for Arguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arguments").field("only", &self.only).finish_non_exhaustive()
    }
}

impl Arguments {
    /// Examines the database. Returns the report, or prints it and returns the error that states which checks failed.
    ///
    /// # Errors
    /// The database cannot be reached, or a check failed.
    pub async fn run(self, app_env: Option<AppEnv>, progress: &Progress) -> Result<String, Error> {
        let Self { database, backups, drill, format, only, threshold, deny_warnings } = self;
        let url = database.filter(|url| !url.is_empty());
        let target = Target::resolve(url.as_deref(), "--database")?;
        if let Some(warning) = target.tls_warning(app_env) {
            progress.note(&format!("warning: {warning}"));
        }
        if url.is_none() {
            progress.note(&format!("DATABASE_URL is not set: using the {target}"));
        }
        let request = Request { url, backups, drill, thresholds: threshold.into_iter().collect() };
        let selected: Vec<_> = if only.is_empty() { ALL.iter().collect() } else { only };
        let outcomes = doctor(&target, &request, &selected, progress).await?;
        let text = render(format, &target.to_string(), &outcomes);
        let least = if deny_warnings { Verdict::Warn } else { Verdict::Fail };
        let failed: Vec<&str> = outcomes
            .iter()
            .filter(|outcome| outcome.verdict >= least)
            .map(|outcome| outcome.check.id)
            .collect();
        if failed.is_empty() {
            return Ok(text.trim_end().to_owned());
        }
        progress.finish();
        // If printing fails, the error remains.
        let _ = io::stdout().lock().write_all(text.as_bytes());
        Err(Error::Doctor { failed: failed.join(", "), target: target.to_string() })
    }
}

fn check(id: &str) -> Result<&'static Check, String> {
    ALL.iter()
        .find(|check| check.id == id)
        .ok_or_else(|| "there is no such check; docs/doctor.md lists them".to_owned())
}

fn threshold(text: &str) -> Result<(&'static str, f64), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    let threshold = ALL.iter().flat_map(|check| check.thresholds).find(|threshold| threshold.name == name);
    let threshold = threshold.ok_or("there is no such threshold; docs/doctor.md lists them")?;
    Ok((threshold.name, threshold.unit.parse(value)?))
}
