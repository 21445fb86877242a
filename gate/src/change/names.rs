//! The names of constraints and indexes, as the builders of `migration` give them, and which indexes a table needs.

use super::plan::{Column, Key, Kind, NewTable, Step};
use super::planner::TENANT;
use crate::catalogue::schema::Schema;
use std::collections::BTreeSet;

/// The longest name, in bytes: PostgreSQL truncates a longer one.
const LONGEST: usize = 63;

/// The problems of names that PostgreSQL truncates or that exist, each with its table.
pub(super) fn problems(steps: &[Step], schema: &Schema) -> Vec<(String, String)> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for table in &schema.tables {
        names.extend(table.constraints.iter().map(|constraint| constraint.name.clone()));
        names.extend(table.indexes.iter().map(|index| index.name.clone()));
    }
    let mut problems = Vec::new();
    for (table, name) in steps.iter().flat_map(names_of) {
        if name.len() > LONGEST {
            let problem =
                format!("the name {name} has {} bytes, and PostgreSQL truncates it to {LONGEST}", name.len());
            problems.push((table, problem));
        } else if !names.insert(name.clone()) {
            problems.push((table, format!("the name {name} is taken; give the column another one")));
        }
    }
    problems
}

/// The indexes that a table needs, without those that a unique key makes superfluous.
#[derive(Debug, Default)]
pub(super) struct Indexed {
    /// The first columns of indexes that the entity states.
    declared: BTreeSet<String>,
    /// The columns of foreign keys.
    keys: BTreeSet<String>,
    /// The first columns of unique keys.
    firsts: BTreeSet<String>,
    /// Their columns after the tenant's: a foreign key needs no other index.
    seconds: BTreeSet<String>,
}

impl Indexed {
    pub(super) fn declare(&mut self, column: &str) {
        self.declared.insert(column.to_owned());
    }

    pub(super) fn key(&mut self, key: &Key) {
        self.keys.insert(key.column.clone());
    }

    pub(super) fn unique(&mut self, columns: &[String]) {
        self.firsts.extend(columns.first().cloned());
        if columns.first().is_some_and(|first| first == TENANT) {
            self.seconds.extend(columns.get(1).cloned());
        }
    }

    /// The columns of each index to create.
    pub(super) fn missing(self) -> Vec<Vec<String>> {
        let Self { declared, keys, firsts, seconds } = self;
        let keys: BTreeSet<String> = keys.difference(&seconds).cloned().collect();
        let wanted: BTreeSet<String> = declared.union(&keys).cloned().collect();
        wanted.difference(&firsts).map(|column| vec![column.clone()]).collect()
    }
}

/// The names of the constraints and indexes that a step creates, each with its table.
fn names_of(step: &Step) -> Vec<(String, String)> {
    let length = |table: &str, column: &Column| {
        matches!(column.kind, Kind::Text).then(|| format!("ck_{table}_{}_length", column.name))
    };
    let unique = |table: &str, columns: &[String]| format!("uq_{table}_{}", columns.join("_"));
    let key = |table: &str, key: &Key| format!("fk_{table}_{}_{}", key.column, key.parent);
    let (table, names) = match step {
        Step::CreateEnum(_) | Step::AddValues(_) => return Vec::new(),
        Step::AddColumn { table, column } => (table, length(table, column).into_iter().collect()),
        Step::AddUnique { table, columns } => (table, vec![unique(table, columns)]),
        Step::AddReference { table, key: of } => (table, vec![key(table, of)]),
        Step::AddIndex { table, columns } => (table, vec![index_name(table, columns)]),
        Step::CreateTable(NewTable { name, is_tenant, columns, keys, uniques, indexes }) => {
            let mut names = vec![format!("pk_{name}")];
            names.extend(is_tenant.then(|| format!("fk_{name}_{TENANT}_organizations")));
            names.extend(columns.iter().filter_map(|column| length(name, column)));
            names.extend(keys.iter().map(|of| key(name, of)));
            names.extend(uniques.iter().map(|columns| unique(name, columns)));
            names.extend(indexes.iter().map(|columns| index_name(name, columns)));
            (name, names)
        }
    };
    names.into_iter().map(|name| (table.clone(), name)).collect()
}

/// As the builders of `migration` name it.
fn index_name(table: &str, columns: &[String]) -> String {
    let bare = |column: &String| {
        let suffix = ["_id", "_at", "_number"].iter().find_map(|suffix| column.strip_suffix(suffix));
        suffix.unwrap_or(column).to_owned()
    };
    format!("ix_{table}_{}", columns.iter().map(bare).collect::<Vec<_>>().join("_"))
}
