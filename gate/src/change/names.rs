//! The names of constraints and indexes, as the builders of `migration` give them, and which indexes a table needs.

use super::plan::{Column, Key, Kind, NewTable, Step};
use super::planner::TENANT;
use crate::catalogue::schema::Schema;
use migration::index_name;
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

/// The columns that need an index: those that the entity declares, and those of foreign keys unless a unique key has them
/// after the tenant's; without those that a unique key begins with.
pub(super) fn indexed<'a>(
    mut declared: BTreeSet<String>,
    keys: impl IntoIterator<Item = &'a Key>,
    uniques: &[Vec<String>],
) -> Vec<String> {
    let within_tenant = |column: &String| {
        uniques.iter().any(|of| matches!(&of[..], [first, second, ..] if first == TENANT && second == column))
    };
    declared.extend(keys.into_iter().map(|key| key.column.clone()).filter(|column| !within_tenant(column)));
    declared.retain(|column| uniques.iter().all(|of| of.first() != Some(column)));
    declared.into_iter().collect()
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
        Step::AddIndex { table, column } => (table, vec![index_name(table, &[column])]),
        Step::CreateTable(NewTable { name, is_tenant, columns, keys, uniques, indexes }) => {
            let mut names = vec![format!("pk_{name}")];
            names.extend(is_tenant.then(|| format!("fk_{name}_{TENANT}_organizations")));
            names.extend(columns.iter().filter_map(|column| length(name, column)));
            names.extend(keys.iter().map(|of| key(name, of)));
            names.extend(uniques.iter().map(|columns| unique(name, columns)));
            names.extend(indexes.iter().map(|column| index_name(name, &[column])));
            (name, names)
        }
    };
    names.into_iter().map(|name| (table.clone(), name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_a_unique_key_replaces_is_not_needed() {
        let texts = |of: &[&str]| of.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let keys = texts(&["campaign_id", "contact_id"]).into_iter().map(|column| Key {
            column,
            parent: "parents".to_owned(),
            on_delete: "cascade",
            within_tenant: true,
        });
        let uniques = [texts(&[TENANT, "contact_id"]), texts(&["slug", "name"])];
        let declared = texts(&["name", "slug", TENANT]).into_iter().collect();
        assert_eq!(indexed(declared, &keys.collect::<Vec<_>>(), &uniques), ["campaign_id", "name"]);
    }
}
