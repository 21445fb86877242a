//! The tables about whose deleted rows a function of `database` has to decide, and what is wrong with its decisions.

use super::decision::{Decision, WORDS};
use super::readers::{Function, Scope};
use crate::Finding;
use crate::catalogue::schema::{Constraint, Schema, Table};
use std::collections::BTreeSet;

/// What is wrong with the decisions of the functions, and which are missing.
pub(crate) fn defects(functions: &[Function], schema: &Schema) -> Vec<Finding> {
    functions.iter().filter(|function| function.is_query()).flat_map(|of| defects_of(of, schema)).collect()
}

fn defects_of(function: &Function, schema: &Schema) -> Vec<Finding> {
    let mut problems = Vec::new();
    let mut decided = BTreeSet::new();
    for Decision { tables, word, reason } in &function.decisions {
        if !WORDS.iter().any(|(known, _)| known == word) {
            problems.push(format!("`{word}` is no decision about a deleted row"));
        }
        if word == "reads" && reason.is_none() {
            problems.push("`reads` has no reason; write `reads - reason`".to_owned());
        }
        for table in tables {
            if !schema.table(table).is_some_and(is_soft) {
                problems.push(format!("the rows of `{table}` are not marked as deleted"));
            }
            if !decided.insert(table.as_str()) {
                problems.push(format!("decides twice about a deleted row of `{table}`"));
            }
            if word == "bound" && (table != "organizations" || function.scope != Some(Scope::Customer)) {
                problems.push(format!(
                    "a deleted row of `{table}` is not checked when a transaction of its scope is bound"
                ));
            }
        }
    }
    let missing = required(function, schema);
    let missing = missing.iter().filter(|table| !decided.contains(table.as_str()));
    problems.extend(missing.map(|table| format!("decides nothing about a deleted row of `{table}`")));
    let finding = |problem| Finding::at(&function.file, function.line, problem).about(function.path());
    problems.into_iter().map(finding).collect()
}

fn is_soft(table: &Table) -> bool {
    table.column("deleted_at").is_some()
}

/// The tables that a function has to decide about: its own, unless it inserts a row below others; those that its rows belong to,
/// and if it writes them, all that they refer to; and those that other tables in its code belong to.
fn required(function: &Function, schema: &Schema) -> BTreeSet<String> {
    let mut required = BTreeSet::new();
    if let Some(own) = schema.table(&function.module) {
        let writes = function.tables.get(&own.name).copied().unwrap_or_default();
        let parents: Vec<&str> = parents(own, writes).collect();
        if is_soft(own) && (parents.is_empty() || !function.name.starts_with("create")) {
            required.insert(own.name.clone());
        }
        for parent in parents {
            reach(schema, parent, &mut required);
        }
    }
    for table in function.tables.keys().filter(|table| **table != function.module) {
        reach(schema, table, &mut required);
    }
    required
}

/// The tables that rows of a table belong to, and with `all` also those that they may refer to.
fn parents(table: &Table, all: bool) -> impl Iterator<Item = &str> {
    let belongs = move |column: &str| table.column(column).is_some_and(|column| all || !column.nullable);
    table.foreign_keys().filter(move |key| belongs(key.own_column())).map(Constraint::parent)
}

/// Adds the table if its rows are marked as deleted, or else those that its rows belong to.
fn reach(schema: &Schema, table: &str, found: &mut BTreeSet<String>) {
    let Some(table) = schema.table(table) else { return };
    if is_soft(table) {
        found.insert(table.name.clone());
        return;
    }
    for parent in parents(table, false).filter(|parent| *parent != table.name) {
        reach(schema, parent, found);
    }
}
