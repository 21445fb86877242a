//! Writes the documentation of tables and columns into the database, as `COMMENT ON`.
//!
//! `schema_annotations.yaml` is its one source; `up` writes what differs, so that an improved sentence needs no
//! migration.

use crate::Error;
use crate::ddl::{literal, quote};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbErr, Statement};
use std::collections::BTreeMap;

/// The documentation: for each table that of its columns and, under `_table`, of the table itself.
pub type Annotations = BTreeMap<String, BTreeMap<String, String>>;

/// The key of a table's own documentation.
pub const TABLE: &str = "_table";

/// Parses the annotations embedded in this build.
///
/// # Errors
/// The file is not a map of maps of text, or has a duplicate key.
pub fn read() -> Result<Annotations, Error> {
    serde_saphyr::from_str(include_str!("../schema_annotations.yaml")).map_err(Error::Annotations)
}

/// Writes the comments of existing tables and columns that differ from the annotations.
pub(crate) async fn apply(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    let annotations = read().map_err(|error| DbErr::Custom(error.to_string()))?;
    let rows = db
        .query_all_raw(Statement::from_string(
            db.get_database_backend(),
            "select c.relname::text as table_name, a.attname::text as column_name, \
                    col_description(c.oid, a.attnum) as comment \
             from pg_class c join pg_attribute a on a.attrelid = c.oid \
             where c.relnamespace = quote_ident(current_schema())::regnamespace and c.relkind in ('r', 'p') \
               and a.attnum > 0 and not a.attisdropped \
             union all \
             select c.relname::text, null, obj_description(c.oid, 'pg_class') \
             from pg_class c \
             where c.relnamespace = quote_ident(current_schema())::regnamespace and c.relkind in ('r', 'p')",
        ))
        .await?;
    let mut statements = String::new();
    for row in rows {
        let table: String = row.try_get("", "table_name")?;
        let column: Option<String> = row.try_get("", "column_name")?;
        let comment: Option<String> = row.try_get("", "comment")?;
        let sentence =
            annotations.get(&table).and_then(|columns| columns.get(column.as_deref().unwrap_or(TABLE)));
        let Some(sentence) = sentence.filter(|sentence| comment.as_ref() != Some(*sentence)) else {
            continue;
        };
        let object = match &column {
            Some(column) => format!("column {}.{}", quote(&table), quote(column)),
            None => format!("table {}", quote(&table)),
        };
        statements.extend(["comment on ", &object, " is ", &literal(sentence), ";\n"]);
    }
    if statements.is_empty() {
        return Ok(());
    }
    db.execute_unprepared(&statements).await.map(|_| ())
}
