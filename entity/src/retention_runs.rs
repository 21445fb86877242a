//! `retention_runs`: what each run of retention removed.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    enums::RetentionOutcome,
    id::{RetentionRunId, generated_on_insert},
    json::RemovedRows,
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "retention_runs")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RetentionRunId,
    /// Whether it continued until nothing was past its limit; otherwise one batch of each kind.
    pub until_done: bool,
    /// Days after which a row that is marked as deleted is removed.
    pub deleted_days: i64,
    /// Days after which an e-mail that was sent, or failed, is removed.
    pub email_days: i64,
    /// Days after which an event that was published is removed.
    pub event_days: i64,
    #[sea_orm(column_type = "JsonBinary")]
    pub removed: RemovedRows,
    /// `None`: it has not ended, or was killed.
    pub outcome: Option<RetentionOutcome>,
    pub finished_at: Option<DateTimeUtc>,
    /// The start.
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

generated_on_insert!(RetentionRunId);
