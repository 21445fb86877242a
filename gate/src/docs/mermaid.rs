//! The tables and keys in Mermaid's words: <https://mermaid.js.org/syntax/entityRelationshipDiagram.html>.

use super::diagrams::{is_unique, mark};
use crate::catalogue::schema::{Constraint, Schema, Table};
use std::fmt::Write as _;

/// The tables with the columns that `shows`, and every key between two of `tables` or from one of them.
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
                let _ = writeln!(text, "        {kind} {} {mark}", column.name);
            }
        }
        text.truncate(text.trim_end().len());
        text.push_str("\n    }\n");
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n```\n"
}

/// `parent ||--o{ child : "key"`.
fn relation(table: &Table, key: &Constraint) -> String {
    let column = key.own_column();
    let optional = table.column(column).is_some_and(|column| !column.not_null);
    let one = if optional { "|o" } else { "||" };
    let many = if is_unique(table, column) { "o|" } else { "o{" };
    let parent = key.refers_to.as_deref().unwrap_or_default();
    format!("    {parent} {one}--{many} {} : {column}\n", table.name)
}
