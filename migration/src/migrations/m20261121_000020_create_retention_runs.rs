//! Creates `retention_runs`: what each run of `ops retention run` removed.
//!
//! Intent: the history lists the runs by time (`ix_retention_runs_created`). Each batch updates the row of its run in its own
//! transaction, so that the numbers are those of committed deletions, whatever ends the run. Row Level Security has no
//! policy and customers have no privilege, because a run covers every tenant: only the owner reads it. On SQLite, on which
//! retention does not run, it stays empty.
//! Risk: none. The table is new, so nothing is locked or rewritten.
//! Down: drops the history of the runs, which nothing can restore.

use crate::ddl::{EnumType, NewTable, drop_table};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, boolean, json_binary, timestamp_with_time_zone_null};

const RETENTION_OUTCOME: EnumType =
    EnumType { name: "retention_outcome", values: &["completed", "incomplete", "failed"] };

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        RETENTION_OUTCOME.create(manager).await?;
        NewTable::new(manager, "retention_runs")
            .column(boolean("until_done"))
            .column(big_integer("deleted_days"))
            .column(big_integer("email_days"))
            .column(big_integer("event_days"))
            .column(json_binary("removed").default("{}"))
            .column(RETENTION_OUTCOME.column_null("outcome"))
            .column(timestamp_with_time_zone_null("finished_at"))
            .check("deleted_days_range", "deleted_days >= 1")
            .check("email_days_range", "email_days >= 1")
            .check("event_days_range", "event_days >= 1")
            .index(&["created_at"])
            .create(manager)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "retention_runs").await?;
        RETENTION_OUTCOME.drop(manager).await
    }
}
