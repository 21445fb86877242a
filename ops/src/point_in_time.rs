//! `ops drill --point-in-time`: proves that pgBackRest restores the server as it was at a moment.

use crate::target::connect;
use crate::{Error, Progress, Report, Target};
use chrono::{DateTime, Utc};
use environment::parse_postgres;
use sqlx::{AssertSqlSafe, Connection as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What to restore, and what has to be there.
#[derive(Clone, Debug)]
pub struct PointInTime {
    /// The moment: what was committed until then is restored.
    pub at: DateTime<Utc>,
    /// The stanza of pgBackRest.
    pub stanza: String,
    /// Its configuration; `None`: its own default.
    pub config: Option<PathBuf>,
    /// The database of the server that is compared.
    pub database: String,
    /// A query that has to return rows.
    pub find: Option<String>,
}

/// Restores a server as it was at a moment into a private server, compares its database with the migrations of this build, and
/// writes the report into `directory`, as [`drill`](crate::drill) does.
///
/// # Errors
/// The report cannot be written. A server that cannot be restored is a finding.
pub async fn drill_point_in_time(
    what: &PointInTime,
    directory: &Path,
    progress: &Progress,
) -> Result<(Report, PathBuf), Error> {
    let mut report = Report::new(format!("the stanza {} of pgBackRest", what.stanza));
    report.point_in_time = Some(what.at);
    let done = report.fill_point_in_time(what, progress).await;
    report.finish(done, directory)
}

impl Report {
    async fn fill_point_in_time(&mut self, what: &PointInTime, progress: &Progress) -> Result<(), Error> {
        progress.step(&format!("Restoring the server as of {}", what.at));
        let mut options = scratch::Options::from_environment();
        options.restore = Some(what.command());
        // Copying and replaying take as long as they take.
        options.longest_start = Duration::MAX;
        let started = Instant::now();
        let server = self.start(options)?;
        self.step("restore the files, and replay the WAL", started);
        let url = server.url(&what.database);
        let options = parse_postgres(&url)
            .map_err(|error| Error::Url { variable: "the private server", reason: error.to_string() })?;
        let target = Target::Postgres(Box::new(options.clone()));
        let failed = Error::statement("reading the restored rows", &target);
        let mut connection = connect(&options).await?;
        self.taken_at = sqlx::query_scalar("select pg_last_xact_replay_timestamp()")
            .fetch_one(&mut connection)
            .await
            .map_err(&failed)?;
        if let Some(sql) = &what.find {
            // Read only, and a subquery, so that nothing but a query is executed; names as in other sessions.
            let counted = format!("select count(*) from (\n{sql}\n) as found");
            sqlx::raw_sql("reset search_path; set default_transaction_read_only = on")
                .execute(&mut connection)
                .await
                .map_err(&failed)?;
            let found: i64 = sqlx::query_scalar(AssertSqlSafe(counted))
                .fetch_one(&mut connection)
                .await
                .map_err(&failed)?;
            self.rows = u64::try_from(found).ok();
            if found == 0 {
                self.findings.push(format!("the query of --find returns no rows as of {}", what.at));
            }
        }
        connection.close().await.map_err(&failed)?;
        self.compare(&url, progress).await
    }
}

impl PointInTime {
    /// Restores into the directory `{}`.
    fn command(&self) -> Vec<String> {
        let mut words = vec![
            "pgbackrest".to_owned(),
            format!("--stanza={}", self.stanza),
            "--pg1-path={}".to_owned(),
            // Not to where the tablespaces of the original are.
            "--tablespace-map-all={}_tablespaces".to_owned(),
            "--type=time".to_owned(),
            format!("--target={}", self.at.format("%Y-%m-%d %H:%M:%S%.6f+00")),
            "--target-action=promote".to_owned(),
            "--log-level-console=off".to_owned(),
            "--log-level-file=off".to_owned(),
            "--log-level-stderr=warn".to_owned(),
        ];
        words.extend(self.config.as_ref().map(|file| format!("--config={}", file.display())));
        words.push("restore".to_owned());
        words
    }
}

/// Reads a moment of the command line.
///
/// # Errors
/// It is not one, or has no time zone.
pub(crate) fn parse(text: &str) -> Result<DateTime<Utc>, String> {
    let parsed = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z"))
        .map_err(|_| "not a time with its zone, such as 2026-11-25 14:00:00+00".to_owned())?;
    Ok(parsed.to_utc())
}
