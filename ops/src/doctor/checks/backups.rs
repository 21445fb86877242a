//! What a loss of the server would cost: the newest backup, the last drill, and the archive of the WAL.

use crate::doctor::check::Check;
use crate::doctor::finding::{Engines, Finding, Found, Looked, Stop, Verdict};
use crate::doctor::subject::Subject;
use crate::doctor::threshold::{DAY, HOUR, Threshold, Unit};
use crate::{Error, Name, Place, Target};
use chrono::{DateTime, Utc};
use environment::chain;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

const BACKUP_WARN: Threshold = Threshold::warn(
    "backup_age.warn",
    26.0 * HOUR,
    Unit::Seconds,
    "a nightly backup, and two hours to make it",
);
const BACKUP_FAIL: Threshold =
    Threshold::fail("backup_age.fail", 2.0 * DAY, Unit::Seconds, "the default of `ops drill --max-age`");

pub const BACKUP_AGE: Check = Check {
    id: "backup_age",
    engines: Engines::Both,
    requires: "The newest backup of this database is whole and recent.",
    reads: "the manifest of the newest backup in `--backups PLACE`",
    grant: "name the place: ops doctor --backups PLACE",
    thresholds: &[BACKUP_WARN, BACKUP_FAIL],
    fix: "ops backup --to PLACE, and look why the nightly run did not",
    source: "https://www.postgresql.org/docs/current/backup-dump.html",
    look: |subject| Box::pin(backup_age(subject)),
};

async fn backup_age(subject: &mut Subject) -> Looked {
    let Some(place) = subject.request.backups.clone() else {
        let reason = "no place of backups was named".to_owned();
        return Err(Stop::Skip { reason, fix: Some(BACKUP_AGE.grant.to_owned()) });
    };
    let database = match subject.target.clone() {
        Target::Postgres(_) => subject.row::<(String,)>("select current_database()::text").await?.0,
        Target::Sqlite(file) => file.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
    };
    let limits = [(subject.limit(&BACKUP_FAIL), Verdict::Fail), (subject.limit(&BACKUP_WARN), Verdict::Warn)];
    match newest(&place, &database, subject.now).await {
        Ok((taken_at, name, interrupted)) => {
            let age = seconds(subject.now - taken_at);
            let shown = Unit::Seconds.show(age.max(0.0));
            let mut findings = Vec::new();
            if age < 0.0 {
                let problem = "its time is in the future";
                findings.push(Finding::fail(&name, problem).fixed_by("correct the clock of the machine"));
            }
            findings.extend(Finding::at_limit(age, limits, &name, format!("it is {shown} old")));
            if interrupted > 0 {
                let problem = format!("{interrupted} newer backups were interrupted");
                findings.push(Finding::warn(&place, problem));
            }
            Ok(Found { summary: format!("{name}, {shown} old"), findings })
        }
        Err(error) => {
            let findings = vec![Finding::fail(&place, chain(&error))];
            Ok(Found { summary: "no backup can be read".to_owned(), findings })
        }
    }
}

/// The newest whole backup of a database, and the number of newer ones that were interrupted. One that runs is not counted.
async fn newest(
    place: &str,
    database: &str,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, String, usize), Error> {
    let place = Place::resolve(place)?;
    let own = Name::new(database, now).database;
    let mut interrupted = 0;
    for (name, is_whole) in place.names().await?.into_iter().rev() {
        if name.database != own {
            continue;
        }
        if is_whole {
            let manifest = place.manifest(&name).await?;
            return Ok((manifest.taken_at, manifest.name, interrupted));
        }
        interrupted += usize::from(now - name.at > chrono::TimeDelta::days(1));
    }
    let remark = format!(" of the database {own}");
    Err(Error::NoBackup { place: place.to_string(), remark })
}

const DRILL_WARN: Threshold = Threshold::warn(
    "drill_age.warn",
    35.0 * DAY,
    Unit::Seconds,
    "a monthly drill, as .github/workflows/drill.yml",
);
const DRILL_FAIL: Threshold =
    Threshold::fail("drill_age.fail", 100.0 * DAY, Unit::Seconds, "three monthly drills are missing");

pub const DRILL_AGE: Check = Check {
    id: "drill_age",
    engines: Engines::Both,
    requires: "The last drill restored a backup successfully, and was recent.",
    reads: "the report `drill-TIME.json` of `--drill FILE`",
    grant: "name the report: ops doctor --drill FILE",
    thresholds: &[DRILL_WARN, DRILL_FAIL],
    fix: "ops drill PLACE",
    source: "https://www.postgresql.org/docs/current/backup.html",
    look: |subject| Box::pin(std::future::ready(drill_age(subject))),
};

/// The part of a drill's report that matters here.
#[derive(Deserialize)]
struct Drill {
    passed: bool,
    findings: Vec<String>,
    drilled_at: DateTime<Utc>,
    recovery_seconds: f64,
}

fn drill_age(subject: &Subject) -> Looked {
    let Some(named) = subject.request.drill.clone() else {
        let reason = "no report of a drill was named".to_owned();
        return Err(Stop::Skip { reason, fix: Some(DRILL_AGE.grant.to_owned()) });
    };
    let file = newest_report(&named);
    let object = file.display().to_string();
    let report = fs::read_to_string(&file).map_err(|error| error.to_string()).and_then(|text| {
        serde_json::from_str::<Drill>(&text)
            .map_err(|error| format!("it is not the report of a drill: {error}"))
    });
    let Drill { passed, findings: reasons, drilled_at, recovery_seconds } = match report {
        Ok(report) => report,
        Err(reason) => {
            let findings = vec![Finding::fail(object, reason)];
            return Ok(Found { summary: "no report can be read".to_owned(), findings });
        }
    };
    let age = seconds(subject.now - drilled_at);
    let shown = Unit::Seconds.show(age.max(0.0));
    let limits = [(subject.limit(&DRILL_FAIL), Verdict::Fail), (subject.limit(&DRILL_WARN), Verdict::Warn)];
    let mut findings = Vec::new();
    if !passed {
        findings.push(Finding::fail(&object, format!("the drill failed: {}", reasons.join("; "))));
    }
    findings.extend(Finding::at_limit(age, limits, &object, format!("the last drill was {shown} ago")));
    let recovery = Unit::Seconds.show(recovery_seconds);
    Ok(Found { summary: format!("{shown} ago, recovery in {recovery}"), findings })
}

/// The newest report of a directory, or the file itself. The names of reports begin with their times.
fn newest_report(named: &Path) -> PathBuf {
    let Ok(entries) = fs::read_dir(named) else { return named.to_owned() };
    let is_report = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("drill-") && path.extension().is_some_and(|extension| extension == "json")
    };
    let newest = entries.flatten().map(|entry| entry.path()).filter(is_report).max();
    newest.unwrap_or_else(|| named.to_owned())
}

#[expect(clippy::cast_precision_loss, reason = "a duration in seconds")]
fn seconds(time: chrono::TimeDelta) -> f64 {
    time.num_seconds() as f64
}

pub const WAL_ARCHIVING: Check = Check {
    id: "wal_archiving",
    engines: Engines::Postgres,
    requires: "Where WAL is archived, the last attempt succeeded.",
    reads: "`pg_stat_archiver`, `archive_mode`",
    grant: "connect as a login of this database",
    thresholds: &[],
    fix: "read the log of the server for the message of archive_command, and correct the archive",
    source: "https://www.postgresql.org/docs/current/continuous-archiving.html",
    look: |subject| Box::pin(wal_archiving(subject)),
};

async fn wal_archiving(subject: &mut Subject) -> Looked {
    let (mode, archived, failed, is_failing): (String, i64, i64, bool) = subject
        .row(
            "select current_setting('archive_mode'), archived_count, failed_count, \
                    coalesce(last_failed_time > last_archived_time, last_failed_time is not null) \
             from pg_stat_archiver",
        )
        .await?;
    if mode == "off" {
        let summary = "archive_mode is off: a restore leads to a backup, not to a point in time".to_owned();
        return Ok(Found { summary, findings: Vec::new() });
    }
    let mut findings = Vec::new();
    if is_failing {
        let problem = format!("{failed} attempts failed, the last one after the last success; pg_wal grows");
        findings.push(Finding::fail("the archiver", problem));
    }
    Ok(Found { summary: format!("{archived} files archived, {failed} failed attempts"), findings })
}
