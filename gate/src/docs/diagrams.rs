//! The schema, or an area of it, as a diagram.

use super::areas::Area;
use crate::catalogue::schema::{Column, ConstraintKind, Schema, Table};
use crate::docs::diagram::{Diagram, Key, Row, TableBox};

/// The column by which a row says whose it is.
const TENANT: &str = "organization_id";

/// All tables with all columns.
pub(super) fn whole(schema: &Schema, areas: &[Area]) -> String {
    let tables: Vec<&Table> = schema.tables.iter().collect();
    draw(schema, areas, &tables, "The schema".to_owned())
}

/// The tables of an area with all columns, and what they refer to by name.
pub(super) fn of_area(schema: &Schema, areas: &[Area], area: &Area) -> String {
    let tables: Vec<&Table> = schema.tables.iter().filter(|table| area.has(&table.name)).collect();
    draw(schema, areas, &tables, format!("The schema: {}", area.name))
}

/// What a column is to the keys: `PK`, `FK`, `UK` or nothing.
pub(super) fn mark(schema: &Schema, table: &Table, column: &Column) -> &'static str {
    let is_primary = table
        .constraints_of(ConstraintKind::Primary)
        .any(|constraint| constraint.columns().contains(&column.name));
    let is_key = table.foreign_keys().any(|key| {
        // The tenant's column is in many keys, and a key by itself in one.
        key.own_column() == column.name
            && key.refers_to.as_ref().is_some_and(|name| schema.table(name).is_some())
    });
    match () {
        () if is_primary => "PK",
        () if is_key => "FK",
        () if is_unique(table, &column.name) => "UK",
        () => "",
    }
}

/// Whether no two rows of the table share a value of this column.
pub(super) fn is_unique(table: &Table, column: &str) -> bool {
    table.constraints_of(ConstraintKind::Unique).any(|constraint| constraint.columns() == [column])
}

fn draw(schema: &Schema, areas: &[Area], tables: &[&Table], title: String) -> String {
    let mut shown: Vec<&Table> = tables.to_vec();
    for key in tables.iter().flat_map(|table| table.foreign_keys()) {
        if let Some(other) = key.refers_to.as_ref().and_then(|name| schema.table(name))
            && !shown.iter().any(|table| table.name == other.name)
        {
            shown.push(other);
        }
    }
    let boxes = shown.iter().enumerate().map(|(place, table)| TableBox {
        name: table.name.clone(),
        about: table.comment.clone().unwrap_or_default(),
        colour: areas.iter().position(|area| area.has(&table.name)).unwrap_or(areas.len()),
        rows: if place < tables.len() { rows(schema, table) } else { Vec::new() },
    });
    let keys = tables.iter().enumerate().flat_map(|(from, table)| {
        let shown = &shown;
        table.foreign_keys().filter_map(move |key| {
            let column = key.own_column();
            Some(Key {
                from,
                row: table.columns.iter().position(|of| of.name == column)?,
                to: shown.iter().position(|of| Some(&of.name) == key.refers_to.as_ref())?,
                unique: is_unique(table, column),
                pale: column == TENANT,
            })
        })
    });
    Diagram { title, boxes: boxes.collect(), keys: keys.collect() }.svg()
}

fn rows(schema: &Schema, table: &Table) -> Vec<Row> {
    let row = |column: &Column| Row {
        mark: mark(schema, table, column),
        name: column.name.clone(),
        kind: column.short_type() + if column.not_null { "" } else { " ?" },
        about: column.comment.clone().unwrap_or_default(),
    };
    table.columns.iter().map(row).collect()
}
