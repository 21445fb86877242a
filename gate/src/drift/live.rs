//! A live database compared with what its migrations create.

use crate::catalogue::LEDGER;
use crate::catalogue::distribution::Distribution;
use crate::{Catalogue, Error, Finding, subject};
use environment::{OLDEST_POSTGRES_NUM, parse_postgres, tls_fault};
use migration::{AppEnv, Target};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use std::time::Duration;

/// The longest time for the connection, and for each statement.
const PATIENCE: Duration = Duration::from_secs(30);

/// The fix of a difference in a distributed database.
const DISTRIBUTE: &str =
    "Undo the change in the database, or after a migration run: cargo run -p ops -- distribute.";

/// Compares the database of a URL with one that was migrated by this build, and distributed if it is.
pub(crate) async fn compare(url: &str) -> Result<Vec<Finding>, Error> {
    let mut connection = connect(url).await?;
    let mut found = Catalogue::read(&mut connection).await?;
    let distribution = Distribution::of(&mut connection).await?;
    if distribution.is_some() {
        found.add_distribution(&mut connection).await?;
    }
    connection.close().await?;
    let reference = subject::migrated_by(None, distribution.as_ref()).await?;
    let mut findings = differences(&reference, &found, distribution.as_ref()).await?;
    if let Some(distribution) = distribution {
        for finding in &mut findings {
            finding.fix.get_or_insert_with(|| DISTRIBUTE.to_owned());
        }
        findings.extend(distribution.nodes);
    }
    Ok(findings)
}

/// A connection that can only read.
///
/// # Errors
/// The URL is not PostgreSQL's, the database cannot be reached within 30 seconds, or its server is too old.
pub async fn connect(url: &str) -> Result<PgConnection, Error> {
    // Refuses a URL that would show a password in an error, and shows none itself.
    let target = Target::resolve(Some(url), None, AppEnv::Test)?;
    if !url.starts_with("postgres") {
        return Err(Error::NotPostgres);
    }
    let options: PgConnectOptions = parse_postgres(url).map_err(migration::Error::Url)?;
    let options = options
        .application_name("gate")
        .options([
            ("default_transaction_read_only", "on".to_owned()),
            ("statement_timeout", PATIENCE.as_millis().to_string()),
            // Of Citus, and elsewhere without effect: the catalogue shows no shards.
            ("citus.show_shards_for_app_name_prefixes", String::new()),
        ])
        .disable_statement_logging();
    let unreachable = |source| {
        let target = target.to_string();
        match tls_fault(&source) {
            Some(fault) => Error::Tls { target, fault },
            None => Error::Live { target, source },
        }
    };
    let connecting = tokio::time::timeout(PATIENCE, PgConnection::connect_with(&options)).await;
    let connection = connecting.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(unreachable)?;
    if connection.server_version_num().is_some_and(|version| version < OLDEST_POSTGRES_NUM) {
        return Err(Error::OldServer { target: target.to_string() });
    }
    Ok(connection)
}

/// The differences of a database from one that was migrated by this build, and distributed if it is, its ledger included.
pub(crate) async fn differences(
    reference: &Catalogue,
    found: &Catalogue,
    distribution: Option<&Distribution>,
) -> Result<Vec<Finding>, Error> {
    let (known, applied) = (reference.migrations(), found.migrations());
    let mut findings = Vec::new();
    let unknown: Vec<&str> = applied.difference(known).map(String::as_str).collect();
    if !unknown.is_empty() {
        let problem = format!("has migrations that this build does not know: {}", unknown.join(", "));
        findings.push(Finding::of(LEDGER, problem).fixed_by("Compare with the build that applied them."));
    }
    let pending: Vec<&str> = known.difference(applied).map(String::as_str).collect();
    if pending.is_empty() {
        findings.extend(reference.differences(found));
        return Ok(findings);
    }
    let count = pending.len();
    let problem = format!("is behind by {count} of {} migrations: {}", known.len(), pending.join(", "));
    findings.push(Finding::of(LEDGER, problem).fixed_by("Run: cargo run -p migration -- up."));
    // The rest is compared as of the newest applied migration; the next `up`, whatever it applies, writes the comments.
    let steps = known.iter().rposition(|name| applied.contains(name)).map_or(0, |last| last + 1);
    let reference = subject::migrated_by(Some(steps), distribution).await?.without_comments();
    findings.extend(reference.differences(&found.clone().without_comments()));
    Ok(findings)
}
