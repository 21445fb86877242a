//! What the recipes execute: SQL text on one engine or both, columns of SQLite, and updates in batches.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::prelude::Uuid;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, Statement};

/// Rows in a batch: few enough that a batch commits within milliseconds.
pub const BATCH: usize = 1000;

/// Whether the migration runs on PostgreSQL.
pub fn is_postgres(manager: &SchemaManager<'_>) -> bool {
    manager.get_database_backend() == DbBackend::Postgres
}

/// Executes SQL text. Statements in one text share a transaction, also where the migration has none.
pub async fn execute(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(sql).await.map(|_| ())
}

/// Adds a column on SQLite, which has no `add column if not exists`.
pub async fn sqlite_add_column(
    manager: &SchemaManager<'_>,
    table: &str,
    definition: &str,
) -> Result<(), DbErr> {
    let added = execute(manager, &format!("alter table {table} add column {definition}")).await;
    unless(added, "duplicate column name")
}

/// Drops a column on SQLite, which has no `drop column if exists`.
pub async fn sqlite_drop_column(manager: &SchemaManager<'_>, table: &str, name: &str) -> Result<(), DbErr> {
    let dropped = execute(manager, &format!("alter table {table} drop column {name}")).await;
    unless(dropped, "no such column")
}

fn unless(result: Result<(), DbErr>, message: &str) -> Result<(), DbErr> {
    result.or_else(|error| if error.to_string().contains(message) { Ok(()) } else { Err(error) })
}

/// Replaces a part of a table's definition on SQLite, which cannot alter constraints. The stored rows are not checked.
///
/// <https://www.sqlite.org/lang_altertable.html#otheralter> permits it for checks, defaults and `not null`.
pub async fn sqlite_redefine(
    manager: &SchemaManager<'_>,
    table: &str,
    from: &str,
    to: &str,
) -> Result<(), DbErr> {
    let [from, to] = [from, to].map(|text| text.replace('\'', "''"));
    let sql = format!(
        "pragma writable_schema = on;
         update sqlite_schema set sql = replace(sql, '{from}', '{to}') where type = 'table' and name = '{table}';
         pragma writable_schema = reset"
    );
    execute(manager, &sql).await
}

/// Updates the rows that meet `pending`, [`BATCH`] at a time in the order of their ids. Without a transaction around
/// the migration each batch commits by itself. On SQLite it is one statement.
pub async fn update_in_batches(
    manager: &SchemaManager<'_>,
    table: &str,
    set: &str,
    pending: &str,
) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return execute(manager, &format!("update {table} set {set} where {pending}")).await;
    }
    let sql = format!(
        "with batch as (
             select id from {table} where id > $1 and ({pending}) order by id limit {BATCH} for no key update
         ), updated as (
             update {table} set {set} where id in (select id from batch)
         )
         select id from batch order by id desc limit 1"
    );
    let mut last = Uuid::nil();
    loop {
        let batch = Statement::from_sql_and_values(DbBackend::Postgres, &sql, [last.into()]);
        match manager.get_connection().query_one_raw(batch).await? {
            Some(row) => last = row.try_get_by_index(0)?,
            None => return Ok(()),
        }
    }
}
