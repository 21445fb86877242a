//! Changes of a table's definition that SQLite has no statement for.
//!
//! They edit the stored definition and do not check stored rows, which
//! <https://www.sqlite.org/lang_altertable.html#otheralter> permits for constraints, defaults and `not null`.

use crate::ddl::{execute, literal, quote};
use sea_orm_migration::prelude::*;

/// Replaces every occurrence of a text in SQLite's definition of a table. The stored rows are not checked.
///
/// # Errors
/// The statement fails.
pub async fn redefine(manager: &SchemaManager<'_>, table: &str, from: &str, to: &str) -> Result<(), DbErr> {
    edit(manager, table, &format!("replace(sql, {}, {})", literal(from), literal(to)), "true").await
}

/// Adds a constraint at the end of the definition, unless the definition contains its name.
pub(super) async fn add_constraint(
    manager: &SchemaManager<'_>,
    table: &str,
    name: &str,
    definition: &str,
) -> Result<(), DbErr> {
    let constraint = literal(&format!("{})", constraint(name, definition)));
    let sql = format!("substr(sql, 1, length(sql) - 1) || {constraint}");
    let absent = format!("instr(sql, {}) = 0", literal(&quote(name)));
    edit(manager, table, &sql, &absent).await
}

/// Removes a constraint that [`add_constraint`] added, if it exists.
pub(super) async fn drop_constraint(
    manager: &SchemaManager<'_>,
    table: &str,
    name: &str,
    definition: &str,
) -> Result<(), DbErr> {
    redefine(manager, table, &constraint(name, definition), "").await
}

fn constraint(name: &str, definition: &str) -> String {
    format!(", CONSTRAINT {} {definition}", quote(name))
}

async fn edit(manager: &SchemaManager<'_>, table: &str, sql: &str, condition: &str) -> Result<(), DbErr> {
    let table = literal(table);
    let edit = format!(
        "pragma writable_schema = on;\n\
         update sqlite_schema set sql = {sql} where type = 'table' and name = {table} and {condition};\n\
         pragma writable_schema = reset"
    );
    execute(manager, &edit).await
}
