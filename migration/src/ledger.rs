//! The ledger `seaql_migrations`: `SeaORM`'s two columns, the digests of the statements that `up` executed, and the duration.
//!
//! The additional columns are null where `SeaORM`'s own migrator applied the migration; such digests are not compared.

use crate::ddl::literal;
use chrono::{DateTime, Utc};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use std::collections::BTreeMap;
use std::time::Duration;

/// The columns beside those of `SeaORM`, with their types on both engines.
const COLUMNS: [(&str, &str); 2] = [("ddl_digest", "text"), ("duration_ms", "bigint")];

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) applied_at: DateTime<Utc>,
    pub(crate) digest: Option<String>,
    pub(crate) duration: Option<Duration>,
}

/// Returns the rows by the migrations' names; none if the table does not exist. Changes nothing.
pub(crate) async fn read(db: &impl ConnectionTrait) -> Result<BTreeMap<String, Entry>, DbErr> {
    let columns = columns(db).await?;
    let mut entries = BTreeMap::new();
    if columns.is_empty() {
        return Ok(entries);
    }
    let [digest, duration] =
        COLUMNS.map(|(name, _)| if columns.iter().any(|column| column == name) { name } else { "null" });
    let sql = format!(
        "select version, applied_at, cast({digest} as text) as digest, cast({duration} as bigint) as duration \
         from seaql_migrations"
    );
    for row in db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await? {
        let applied_at = DateTime::from_timestamp(row.try_get("", "applied_at")?, 0).unwrap_or_default();
        let milliseconds: Option<i64> = row.try_get("", "duration")?;
        let entry = Entry {
            applied_at,
            digest: row.try_get("", "digest")?,
            duration: milliseconds.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis),
        };
        entries.insert(row.try_get("", "version")?, entry);
    }
    Ok(entries)
}

/// Records the digests of an applied migration, and its duration if it is known.
pub(crate) async fn record(
    db: &impl ConnectionTrait,
    migration: &str,
    digest: &str,
    duration: Option<Duration>,
) -> Result<(), DbErr> {
    let existing = columns(db).await?;
    for (column, kind) in COLUMNS.iter().filter(|(name, _)| !existing.iter().any(|column| column == name)) {
        db.execute_unprepared(&format!("alter table seaql_migrations add column {column} {kind}")).await?;
    }
    let (migration, digest) = (literal(migration), literal(digest));
    let duration = duration.map_or_else(|| "null".to_owned(), |duration| duration.as_millis().to_string());
    let sql = format!(
        "update seaql_migrations set ddl_digest = {digest}, duration_ms = {duration} where version = {migration}"
    );
    db.execute_unprepared(&sql).await.map(|_| ())
}

/// The names of the ledger's columns; none if it does not exist.
async fn columns(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let backend = db.get_database_backend();
    // Not information_schema: it hides the table from a login without privileges, which is not its absence.
    let sql = match backend {
        DbBackend::Postgres => {
            "select attname::text as name from pg_attribute \
             where attrelid = to_regclass('seaql_migrations') and attnum > 0 and not attisdropped"
        }
        _ => "select name from pragma_table_info('seaql_migrations')",
    };
    let rows = db.query_all_raw(Statement::from_string(backend, sql)).await?;
    rows.iter().map(|row| row.try_get("", "name")).collect()
}
