//! Tables and foreign keys as a Mermaid diagram: <https://mermaid.js.org/syntax/entityRelationshipDiagram.html>.

use crate::catalogue::schema::{Column, Constraint, ConstraintKind, Schema, Table};
use std::fmt::Write as _;

/// The columns of the tables that `shows` accepts by their mark, and every foreign key of these tables.
pub(super) fn render(schema: &Schema, tables: &[&Table], shows: fn(&'static str) -> bool) -> String {
    let mut text = "```mermaid\nerDiagram\n".to_owned();
    for table in tables {
        for key in table.foreign_keys() {
            text.push_str(&relation(table, key));
        }
    }
    for table in tables {
        // Writing to a string does not fail.
        let _ = writeln!(text, "    {} {{", table.name);
        for column in &table.columns {
            let mark = mark(schema, table, column);
            if shows(mark) {
                // A type in Mermaid is one word.
                let kind = column.short_type();
                let kind = kind.split('(').next().unwrap_or_default().replace(' ', "_");
                text.push_str(format!("        {kind} {} {mark}", column.name).trim_end());
                text.push('\n');
            }
        }
        text.push_str("    }\n");
    }
    text + "```\n"
}

/// `parent ||--o{ child : "key"`.
fn relation(table: &Table, key: &Constraint) -> String {
    let column = key.own_column();
    let optional = table.column(column).is_some_and(|column| column.nullable);
    let one = if optional { "|o" } else { "||" };
    let many = if is_unique(table, column) { "o|" } else { "o{" };
    format!("    {} {one}--{many} {} : {column}\n", key.parent(), table.name)
}

/// The part of a column in keys: `PK`, `FK`, `UK` or nothing.
pub(super) fn mark(schema: &Schema, table: &Table, column: &Column) -> &'static str {
    let is_primary = table
        .constraints_of(ConstraintKind::Primary)
        .any(|constraint| constraint.columns.contains(&column.name));
    let is_key = table.foreign_keys().any(|key| {
        // The tenant's column is in many keys, and a key by itself in one.
        key.own_column() == column.name && schema.table(key.parent()).is_some()
    });
    match () {
        () if is_primary => "PK",
        () if is_key => "FK",
        () if is_unique(table, &column.name) => "UK",
        () => "",
    }
}

/// Whether the column by itself is unique.
fn is_unique(table: &Table, column: &str) -> bool {
    table.constraints_of(ConstraintKind::Unique).any(|constraint| constraint.columns == [column])
}
