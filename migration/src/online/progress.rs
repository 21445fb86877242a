//! The progress of the backfill that is not complete, in the table `backfill_progress`.
//!
//! At most one backfill is incomplete, because migrations are applied in order, and only its progress is stored. The
//! table exists from its first batch until the ledger has the backfill, or until something is rolled back, so that it
//! is no part of the schema. Its row commits with the batch that it counts. SQLite has none: there a whole run is one
//! transaction.

use crate::ddl::literal;
use sea_orm_migration::sea_orm::prelude::Uuid;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

/// How far a backfill has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The id of the last row of the last batch; nil before the first one.
    pub(crate) last: Uuid,
    /// The rows filled by all runs.
    pub(crate) done: i64,
}

/// Returns the stored progress of a migration, which is that before the first batch if nothing is stored.
pub(crate) async fn begin(db: &impl ConnectionTrait, migration: &str) -> Result<Progress, DbErr> {
    let migration = literal(migration);
    db.execute_unprepared(&format!(
        "create table if not exists backfill_progress (\
             migration text primary key, last_id uuid not null, rows_done bigint not null, \
             updated_at timestamptz not null default now());\
         insert into backfill_progress (migration, last_id, rows_done) \
             values ({migration}, '{}', 0) on conflict do nothing",
        Uuid::nil()
    ))
    .await?;
    let sql = format!("select last_id, rows_done from backfill_progress where migration = {migration}");
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the progress of the backfill".to_owned()))?;
    Ok(Progress { last: row.try_get("", "last_id")?, done: row.try_get("", "rows_done")? })
}

/// Returns the migration with stored progress, and the rows it has filled. Changes nothing.
pub(crate) async fn read(db: &impl ConnectionTrait) -> Result<Option<(String, i64)>, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(None);
    }
    let exists = "select true from pg_class where oid = to_regclass('backfill_progress')";
    if db.query_one_raw(Statement::from_string(DbBackend::Postgres, exists)).await?.is_none() {
        return Ok(None);
    }
    let sql = "select migration, rows_done from backfill_progress";
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    row.map(|row| Ok((row.try_get("", "migration")?, row.try_get("", "rows_done")?))).transpose()
}

/// Drops the table if it exists.
pub(crate) async fn forget(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    db.execute_unprepared("drop table if exists backfill_progress").await.map(|_| ())
}
