//! The runs of retention, newest first.

use crate::{Error, Store};
use chrono::{DateTime, TimeDelta, Utc};
use entity::id::RetentionRunId;
use entity::retention_runs::{Column, Entity, Model};
use sea_orm::{
    ConnectionTrait as _, DbBackend, EntityTrait as _, QueryOrder as _, QuerySelect as _, Statement,
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt;

/// The time without a committed batch after which a run that has no outcome was killed. No batch and no call of the hook
/// takes as long.
const SILENCE: TimeDelta = TimeDelta::minutes(15);

/// A run.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// Its id.
    pub id: RetentionRunId,
    /// Its start.
    pub started_at: DateTime<Utc>,
    /// How long it took, or has taken until its last batch.
    pub seconds: f64,
    /// `completed`, `incomplete`, `failed`, `running` or `interrupted`.
    pub outcome: String,
    /// Whether it was to continue until nothing is past its limit.
    pub until_done: bool,
    /// Its limit for rows that are marked as deleted.
    pub deleted_days: i64,
    /// Its limit for e-mails.
    pub email_days: i64,
    /// Its limit for events.
    pub event_days: i64,
    /// The number of removed rows by table, and of recordings.
    pub removed: Map<String, Value>,
}

/// Returns the newest runs.
///
/// # Errors
/// The database cannot be read.
pub async fn history(store: &Store, limit: u64) -> Result<Vec<Entry>, Error> {
    let read = async {
        let tx = store.database.admin().await?;
        let runs = Entity::find().order_by_desc(Column::CreatedAt).order_by_desc(Column::Id).limit(limit);
        let runs = runs.all(&tx).await?;
        let now = Statement::from_string(DbBackend::Postgres, "select now() as now");
        let now = tx.query_one_raw(now).await?.map(|row| row.try_get("", "now")).transpose()?;
        tx.rollback().await?;
        let now: DateTime<Utc> = now.unwrap_or_default();
        Ok(runs.into_iter().map(|run| Entry::new(run, now)).collect())
    };
    read.await.map_err(store.failed("reading the runs of retention"))
}

impl Entry {
    fn new(run: Model, now: DateTime<Utc>) -> Self {
        let Model {
            id,
            until_done,
            deleted_days,
            email_days,
            event_days,
            removed,
            outcome,
            finished_at,
            created_at,
            updated_at,
        } = run;
        let outcome = match outcome {
            Some(outcome) => outcome.to_string(),
            None if updated_at < now - SILENCE => "interrupted".to_owned(),
            None => "running".to_owned(),
        };
        let seconds = (finished_at.unwrap_or(updated_at) - created_at).as_seconds_f64();
        let removed = removed.0;
        Self {
            id,
            started_at: created_at,
            seconds,
            outcome,
            until_done,
            deleted_days,
            email_days,
            event_days,
            removed,
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let started = self.started_at.format("%Y-%m-%d %H:%M:%S UTC");
        let removed =
            self.removed.iter().map(|(kind, number)| format!("{number} {kind}")).collect::<Vec<_>>();
        let removed = if removed.is_empty() { "nothing".to_owned() } else { removed.join(", ") };
        write!(f, "{}  {started}  {:>9.1} s  {:<11}  {removed}", self.id, self.seconds, self.outcome)
    }
}
