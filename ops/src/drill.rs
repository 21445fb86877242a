//! `ops drill`: proves that a backup can replace its database, by restoring it into a private server.

use crate::manifest::{Engine, Manifest};
use crate::place::{Local, Place};
use crate::{Error, Progress, Target, restore, sqlite};
use bytesize::ByteSize;
use chrono::{DateTime, SubsecRound as _, Utc};
use environment::{chain, parse_postgres};
use gate::Workspace;
use humantime::format_duration;
use serde::Serialize;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What a drill found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether the backup can replace the database.
    pub passed: bool,
    /// Why it cannot; empty if it can.
    pub findings: Vec<String>,
    /// The place of the backup.
    pub place: String,
    /// The name of the backup; `None` if none could be read, and likewise below.
    pub backup: Option<String>,
    /// The time of its snapshot; with `point_in_time`, that of the last transaction that was replayed.
    pub taken_at: Option<DateTime<Utc>>,
    /// The moment as of which a server was restored; `None` for a backup.
    pub point_in_time: Option<DateTime<Utc>>,
    /// The time of the drill.
    pub drilled_at: DateTime<Utc>,
    /// The age of the data: what a loss of the server at the time of the drill would have cost.
    pub age_seconds: Option<u64>,
    /// The permitted age; `None` for a point in time.
    pub max_age_seconds: Option<u64>,
    /// The rows that were restored; with `point_in_time`, those that were to be found.
    pub rows: Option<u64>,
    /// The size of the backup.
    pub bytes: Option<u64>,
    /// The server of the drill.
    pub server: Option<String>,
    /// The duration of each step.
    pub steps: Vec<Step>,
    /// The time until the database can be used: all steps but the comparison of the catalogue, which is the drill's own.
    pub recovery_seconds: f64,
}

/// A step and its duration.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What was done.
    pub step: &'static str,
    /// How long it took.
    pub seconds: f64,
}

/// Restores the backup that `from` is, or its newest one, into a private server, compares it with its manifest and with the
/// migrations of this build, and writes `drill-TIME.md` and `drill-TIME.json` into `directory`. Returns the report and the
/// path of the first file. `identity` is a file of private keys for an encrypted backup.
///
/// # Errors
/// The report cannot be written. A backup that cannot be restored is a finding.
pub async fn drill(
    from: &Place,
    identity: Option<&Path>,
    max_age: Duration,
    directory: &Path,
    progress: &Progress,
) -> Result<(Report, PathBuf), Error> {
    let mut report = Report::new(from.to_string());
    report.max_age_seconds = Some(max_age.as_secs());
    let done = report.fill(from, identity, max_age, progress).await;
    report.finish(done, directory)
}

impl Report {
    /// The report of a drill that begins.
    pub(crate) fn new(place: String) -> Self {
        Self {
            passed: false,
            findings: Vec::new(),
            place,
            backup: None,
            taken_at: None,
            point_in_time: None,
            drilled_at: Utc::now().trunc_subsecs(0),
            age_seconds: None,
            max_age_seconds: None,
            rows: None,
            bytes: None,
            server: None,
            steps: Vec::new(),
            recovery_seconds: 0.0,
        }
    }

    /// Writes the files of the report.
    pub(crate) fn finish(
        mut self,
        done: Result<(), Error>,
        directory: &Path,
    ) -> Result<(Self, PathBuf), Error> {
        if let Err(error) = done {
            self.findings.push(chain(&error));
        }
        self.passed = self.findings.is_empty();
        let stem = directory.join(format!("drill-{}", self.drilled_at.format("%Y%m%dT%H%M%SZ")));
        let (markdown, json) = (stem.with_extension("md"), stem.with_extension("json"));
        let text =
            serde_json::to_string_pretty(&self).map_err(|error| Error::io("render", &json)(error.into()))?;
        fs::create_dir_all(directory).map_err(Error::io("create", directory))?;
        fs::write(&json, text + "\n").map_err(Error::io("write", &json))?;
        fs::write(&markdown, self.markdown()).map_err(Error::io("write", &markdown))?;
        Ok((self, markdown))
    }

    async fn fill(
        &mut self,
        from: &Place,
        identity: Option<&Path>,
        max_age: Duration,
        progress: &Progress,
    ) -> Result<(), Error> {
        let started = Instant::now();
        let local = from.open(identity, progress).await?;
        self.step("fetch the files and verify their checksums", started);
        let Manifest { name, taken_at, engine, ledger, .. } = &local.manifest;
        self.backup = Some(name.clone());
        self.taken_at = Some(*taken_at);
        self.rows = Some(local.manifest.rows());
        self.bytes = Some(local.manifest.bytes());
        match (self.drilled_at - taken_at.trunc_subsecs(0)).to_std() {
            Ok(age) => {
                self.age_seconds = Some(age.as_secs());
                if age > max_age {
                    let (age, limit) = (format_duration(age), format_duration(max_age));
                    self.findings.push(format!("the backup is too old: {age}, and --max-age is {limit}"));
                }
            }
            Err(_) => {
                self.findings.push(format!("the backup is of the future: {taken_at}; correct the clock"));
            }
        }
        if ledger.is_empty() {
            self.findings.push("the backup is of a database without migrations of this product".to_owned());
        }
        match engine {
            Engine::PostgreSQL => self.postgres(&local, progress).await,
            Engine::SQLite => self.sqlite(&local).await,
        }
    }

    async fn postgres(&mut self, local: &Local, progress: &Progress) -> Result<(), Error> {
        progress.step("Starting a private server");
        let server = self.start(scratch::Options::from_environment())?;
        let database = server.create_database("drill")?;
        let url = database.url();
        let target = parse_postgres(&url)
            .map_err(|error| Error::Url { variable: "the private server", reason: error.to_string() })?;
        let started = Instant::now();
        restore::postgres(local, &target, progress).await?;
        self.step("restore, and compare the rows with the manifest", started);
        self.compare(&url, progress).await
    }

    /// Starts the private server.
    pub(crate) fn start(&mut self, mut options: scratch::Options) -> Result<scratch::Server, Error> {
        options.admin_url = None;
        // As durable as a server of production, so that the times mean something.
        for name in ["fsync", "full_page_writes", "synchronous_commit"] {
            options.settings.push((name.to_owned(), "on".to_owned()));
        }
        let server = options.start()?;
        let version = server.version();
        self.server = Some(format!("PostgreSQL {}.{}", version / 10_000, version % 10_000));
        Ok(server)
    }

    /// Compares the catalogue of the restored database with the migrations.
    pub(crate) async fn compare(&mut self, url: &str, progress: &Progress) -> Result<(), Error> {
        progress.step("Comparing the catalogue with the migrations");
        let started = Instant::now();
        let outcomes = gate::run::run_live(&Workspace::at(None), url).await.map_err(Error::Gate)?;
        let findings = outcomes.iter().flat_map(|outcome| &outcome.findings);
        self.findings.extend(findings.map(|finding| format!("gate: {finding}")));
        self.steps.push(Step {
            step: "compare the catalogue with the migrations",
            seconds: started.elapsed().as_secs_f64(),
        });
        Ok(())
    }

    async fn sqlite(&mut self, local: &Local) -> Result<(), Error> {
        let staging = crate::staging::Staging::create(&std::env::temp_dir(), &local.manifest.name)?;
        let file = staging.path().join("drill.db");
        let started = Instant::now();
        sqlite::restore(local, &file, &Target::Sqlite(file.clone())).await?;
        self.step("restore, and compare the rows with the manifest", started);
        self.server = Some(format!("SQLite {}", local.manifest.server));
        Ok(())
    }

    /// Records a step of the recovery.
    pub(crate) fn step(&mut self, step: &'static str, started: Instant) {
        let seconds = started.elapsed().as_secs_f64();
        self.steps.push(Step { step, seconds });
        self.recovery_seconds += seconds;
    }

    /// The report for people.
    #[must_use]
    pub fn markdown(&self) -> String {
        let verdict = if self.passed { "passed" } else { "FAILED" };
        let mut text =
            format!("# Restore drill of {}: {verdict}\n\n", self.drilled_at.format("%Y-%m-%d %H:%M UTC"));
        let unknown = || "unknown".to_owned();
        let mut rows = vec![
            ("place", self.place.clone()),
            ("backup", self.backup.clone().unwrap_or_else(unknown)),
            (
                "data as of",
                self.taken_at.map_or_else(unknown, |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string()),
            ),
            ("age of the data", self.age_seconds.map_or_else(unknown, duration)),
            ("permitted age", self.max_age_seconds.map_or_else(unknown, duration)),
            ("recovery time", format!("{:.1} s", self.recovery_seconds)),
            ("rows", self.rows.map_or_else(unknown, |rows| rows.to_string())),
            ("size", self.bytes.map_or_else(unknown, |bytes| ByteSize(bytes).display().si().to_string())),
            ("restored on", self.server.clone().unwrap_or_else(unknown)),
        ];
        if let Some(at) = self.point_in_time {
            let only_of_backups = ["backup", "age of the data", "permitted age", "size"];
            rows.retain(|(name, _)| !only_of_backups.contains(name));
            rows.insert(1, ("point in time", at.format("%Y-%m-%d %H:%M:%S%.f UTC").to_string()));
        }
        text.push_str("| | |\n|---|---|\n");
        for (name, value) in rows {
            // Writing to a string does not fail.
            let _ = writeln!(text, "| {name} | {value} |");
        }
        text.push_str("\n| step | seconds |\n|---|---|\n");
        for Step { step, seconds } in &self.steps {
            let _ = writeln!(text, "| {step} | {seconds:.1} |");
        }
        if !self.passed {
            text.push_str("\n## Findings\n\n");
        }
        for finding in &self.findings {
            let _ = writeln!(text, "- {finding}");
        }
        text
    }
}

fn duration(seconds: u64) -> String {
    format_duration(Duration::from_secs(seconds)).to_string()
}
