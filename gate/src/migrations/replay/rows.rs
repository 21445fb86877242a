//! One row in each table, so that a migration meets what it would meet in production.

use crate::error::reason;
use crate::{Error, Finding};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

/// A column, and the expressions that its value can be, the likeliest first.
type Column = (String, Vec<String>);

/// Inserts a row into each empty table; findings are the tables that reject it.
pub(crate) async fn fill(connection: &mut PgConnection) -> Result<Vec<Finding>, Error> {
    let needed: Vec<(String, String, Vec<String>)> =
        sqlx::query_as(include_str!("rows.sql")).fetch_all(&mut *connection).await?;
    let mut tables: Vec<(String, Vec<Column>)> = Vec::new();
    for (table, column, expressions) in needed {
        match tables.last_mut() {
            Some((last, columns)) if *last == table => columns.push((column, expressions)),
            _ => tables.push((table, vec![(column, expressions)])),
        }
    }
    let mut findings = Vec::new();
    for (table, columns) in tables {
        let filled = format!("select exists (select from {table})");
        if !sqlx::query_scalar(AssertSqlSafe(filled)).fetch_one(&mut *connection).await? {
            findings.extend(fill_table(connection, &table, columns).await?);
        }
    }
    Ok(findings)
}

async fn fill_table(
    connection: &mut PgConnection,
    table: &str,
    mut columns: Vec<Column>,
) -> Result<Option<Finding>, Error> {
    loop {
        let names: Vec<String> = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let values: Vec<&str> = columns.iter().map(|(_, tries)| tries[0].as_str()).collect();
        let insert = format!("insert into {table} ({}) values ({})", names.join(", "), values.join(", "));
        let Err(error) = sqlx::raw_sql(AssertSqlSafe(insert)).execute(&mut *connection).await else {
            return Ok(None);
        };
        let Some(database) = error.as_database_error() else { return Err(error.into()) };
        // The violated check names the columns that need another value.
        let wrong: Vec<String> = sqlx::query_scalar(
            "select attname::text from pg_constraint join pg_attribute on attrelid = conrelid and attnum = any (conkey) \
             where contype = 'c' and conrelid = $1::regclass and conname = $2",
        )
        .bind(table)
        .bind(database.constraint())
        .fetch_all(&mut *connection)
        .await?;
        let next = columns.iter_mut().find(|(name, tries)| wrong.contains(name) && tries.len() > 1);
        match next {
            Some((_, tries)) => _ = tries.remove(0),
            None => {
                return Ok(Some(Finding::of(table, format!("no row can be inserted: {}", reason(&error)))));
            }
        }
    }
}
