//! Columns of tables with rows.

use super::check::{add_not_valid, validate};
use crate::ddl::{CUSTOMER, execute, is_postgres, literal, quote, sqlite_type_check};
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, Statement};

/// Adds a column unless it exists, on SQLite with the check that replaces its type. A constant default is stored in the
/// catalogue: no row is written.
///
/// # Errors
/// The statement fails.
pub async fn add_column(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: impl IntoColumnDef,
) -> Result<(), DbErr> {
    let column = column.into_column_def();
    let check = sqlite_type_check(&column);
    add(manager, table, column, "type", check).await
}

/// Adds a text column of at most `max` characters unless it exists, and validates its length check.
///
/// Its migration has no transaction: the validation reads the table once, and readers and writers continue.
///
/// # Errors
/// A statement fails.
pub async fn add_text(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: impl IntoColumnDef,
    max: u32,
) -> Result<(), DbErr> {
    let column = column.into_column_def();
    let name = column.get_column_name();
    let condition = format!("length({}) <= {max}", quote(&name));
    add(manager, table, column, "length", Some(condition.clone())).await?;
    if !is_postgres(manager) {
        return Ok(());
    }
    let check = format!("ck_{table}_{name}_length");
    add_not_valid(manager, table, &check, &format!("check ({condition})")).await?;
    validate(manager, table, &check).await
}

/// Adds a column; `check` is the condition of its check `ck_<table>_<column>_<rule>`, which only SQLite adds with it.
async fn add(
    manager: &SchemaManager<'_>,
    table: &'static str,
    mut column: ColumnDef,
    rule: &str,
    check: Option<String>,
) -> Result<(), DbErr> {
    let mut alter = Table::alter();
    alter.table(table);
    if is_postgres(manager) {
        let sql = alter.add_column_if_not_exists(column).to_string(PostgresQueryBuilder);
        return execute(manager, &sql).await;
    }
    if let Some(check) = check {
        let name = format!("ck_{table}_{}_{rule}", column.get_column_name());
        column.check((name, Expr::cust(check)));
    }
    // SQLite has no `add column if not exists`.
    let added = execute(manager, &alter.add_column(column).to_string(SqliteQueryBuilder)).await;
    unless(added, "duplicate column name")
}

/// Drops a column, with its indexes, comment and privileges, if it exists.
///
/// # Errors
/// The statement fails.
pub async fn drop_column(manager: &SchemaManager<'_>, table: &str, column: &str) -> Result<(), DbErr> {
    if is_postgres(manager) {
        return execute(manager, &drop_column_sql(table, column)).await;
    }
    drop_sqlite_indexes(manager, table, column).await?;
    // SQLite has no `drop column if exists`. What still uses the column is an error `after drop column`.
    let dropped =
        execute(manager, &format!("alter table {} drop column {}", quote(table), quote(column))).await;
    match dropped {
        Err(error) if error.to_string().contains("after drop column") => Err(error),
        dropped => unless(dropped, "no such column"),
    }
}

/// The statement of PostgreSQL that drops a column.
pub(super) fn drop_column_sql(table: &str, column: &str) -> String {
    format!("alter table {} drop column if exists {}", quote(table), quote(column))
}

/// Drops the indexes on a column, which SQLite does not drop with it.
async fn drop_sqlite_indexes(manager: &SchemaManager<'_>, table: &str, column: &str) -> Result<(), DbErr> {
    let sql = format!(
        "select distinct i.name as name from pragma_index_list({}) i join pragma_index_info(i.name) c \
         where c.name = {} and i.origin = 'c'",
        literal(table),
        literal(column)
    );
    let indexes =
        manager.get_connection().query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
    for index in indexes {
        let name: String = index.try_get("", "name")?;
        execute(manager, &format!("drop index {}", quote(&name))).await?;
    }
    Ok(())
}

/// Lets the customer update columns. Does nothing on SQLite.
///
/// # Errors
/// The statement fails.
pub async fn grant_update(manager: &SchemaManager<'_>, table: &str, columns: &[&str]) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return Ok(());
    }
    let columns: Vec<String> = columns.iter().map(|column| quote(column)).collect();
    let sql = format!("grant update ({}) on {} to {CUSTOMER}", columns.join(", "), quote(table));
    execute(manager, &sql).await
}

fn unless(result: Result<(), DbErr>, message: &str) -> Result<(), DbErr> {
    result.or_else(|error| if error.to_string().contains(message) { Ok(()) } else { Err(error) })
}
