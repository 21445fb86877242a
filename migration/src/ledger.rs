//! The ledger `seaql_migrations`: `SeaORM`'s two columns, and the digests of the statements that `up` executed.
//!
//! The digests are null where `SeaORM`'s own migrator applied the migration; then they are not compared.

use crate::ddl::literal;
use chrono::{DateTime, Utc};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use std::collections::BTreeMap;

/// A row of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) applied_at: DateTime<Utc>,
    pub(crate) digest: Option<String>,
}

/// Its rows by the migrations' names; none where it is not there. Changes nothing.
pub(crate) async fn read(db: &impl ConnectionTrait) -> Result<BTreeMap<String, Entry>, DbErr> {
    let backend = db.get_database_backend();
    // Not information_schema: it hides the table from a login without privileges, which is not its absence.
    let exists = match backend {
        DbBackend::Postgres => "select to_regclass('seaql_migrations') is not null as found",
        _ => "select exists (select 1 from sqlite_schema where name = 'seaql_migrations') as found",
    };
    let mut entries = BTreeMap::new();
    if !found(db, exists).await? {
        return Ok(entries);
    }
    let digest = if has_digests(db).await? { "ddl_digest" } else { "null" };
    let sql = format!("select version, applied_at, cast({digest} as text) as digest from seaql_migrations");
    for row in db.query_all_raw(Statement::from_string(backend, sql)).await? {
        let applied_at = DateTime::from_timestamp(row.try_get("", "applied_at")?, 0).unwrap_or_default();
        let digest = row.try_get("", "digest")?;
        entries.insert(row.try_get("", "version")?, Entry { applied_at, digest });
    }
    Ok(entries)
}

/// Records what an applied migration executed.
pub(crate) async fn record(db: &impl ConnectionTrait, migration: &str, digest: &str) -> Result<(), DbErr> {
    if !has_digests(db).await? {
        db.execute_unprepared("alter table seaql_migrations add column ddl_digest text").await?;
    }
    let (migration, digest) = (literal(migration), literal(digest));
    let sql = format!("update seaql_migrations set ddl_digest = {digest} where version = {migration}");
    db.execute_unprepared(&sql).await.map(|_| ())
}

async fn has_digests(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => {
            "select exists (select from pg_attribute where attrelid = to_regclass('seaql_migrations') \
                            and attname = 'ddl_digest' and not attisdropped) as found"
        }
        _ => {
            "select exists (select 1 from pragma_table_info('seaql_migrations') \
                            where name = 'ddl_digest') as found"
        }
    };
    found(db, sql).await
}

async fn found(db: &impl ConnectionTrait, sql: &str) -> Result<bool, DbErr> {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    row.map_or(Ok(false), |row| row.try_get("", "found"))
}
