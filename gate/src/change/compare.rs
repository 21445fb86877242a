//! Compares the entities with the migrated schema, and decides which differences are safe to write.

use super::names;
use super::plan::{Plan, Step, sort};
use super::planner::{Planner, ordered};
use super::refusal::Remedy;
use crate::catalogue::schema::Schema;
use crate::drift::entities::Entities;
use crate::drift::{Description, Item, Model};
use crate::rules::entities_match_database::model;
use std::collections::BTreeSet;

/// Plans the way from a schema to the entities.
pub(crate) fn plan(entities: &Entities, schema: &Schema) -> Plan {
    let mut planner = Planner { entities, schema, plan: Plan::default() };
    planner.enums();
    for table in &schema.tables {
        if planner.entity(&table.name).is_none() {
            let remedy = Remedy::Statement(format!("drop table if exists {}", table.name));
            planner.refuse(
                format!("table {}", table.name),
                "has no entity; dropping it loses its rows",
                remedy,
            );
        }
    }
    for entity in &entities.tables {
        match schema.table(&entity.table) {
            Some(table) => planner.alter(entity, &model(table)),
            None => planner.create(entity),
        }
    }
    for (table, problem) in names::problems(&planner.plan.steps, schema) {
        planner.refuse(format!("table {table}"), problem, Remedy::Entity);
    }
    let Plan { mut steps, refusals } = planner.plan;
    sort(&mut steps);
    Plan { steps, refusals }
}

impl<'a> Planner<'a> {
    /// Compares a table that exists.
    fn alter(&mut self, entity: &'a Model, known: &Model) {
        let table = &entity.table;
        let (mut declared, mut keys, mut uniques) = (BTreeSet::new(), Vec::new(), Vec::new());
        for (item, ours) in &entity.items {
            match (item, known.items.get(item)) {
                (Item::List(_), _) | (Item::Unique(_) | Item::Index(_), Some(_)) => {}
                (Item::Column(name), None) => self.add_column(table, name, ours),
                (Item::Column(name), Some(theirs)) => self.change_column(table, name, ours, theirs),
                (Item::PrimaryKey, theirs) => {
                    if theirs.is_none_or(|theirs| theirs.facets != ours.facets) {
                        let problem = "has another primary key than its entity";
                        self.refuse(format!("table {table}"), problem, Remedy::CHANGE_TYPE);
                    }
                }
                (Item::Unique(columns), None) => {
                    let columns = ordered(columns, entity);
                    uniques.push(columns.clone());
                    self.plan.steps.push(Step::AddUnique { table: table.clone(), columns });
                }
                (Item::ForeignKey { .. }, None) => {
                    if let Some(key) = self.key(table, item, ours) {
                        keys.push(key.clone());
                        self.plan.steps.push(Step::AddReference { table: table.clone(), key });
                    }
                }
                (Item::ForeignKey { .. }, Some(theirs)) => {
                    if ours.facets.iter().any(|(name, action)| theirs.facets.get(name) != Some(action)) {
                        let problem = format!(
                            "{item} has other actions in the entity; the key is dropped, and added and validated again"
                        );
                        self.refuse(
                            format!("constraint {} on {table}", theirs.name),
                            problem,
                            Remedy::FOREIGN_KEY,
                        );
                    }
                }
                (Item::Index(column), None) => _ = declared.insert(column.clone()),
            }
        }
        self.keep_what_the_entity_lacks(entity, known);
        for column in names::indexed(declared, &keys, &uniques) {
            if !known.items.contains_key(&Item::Index(column.clone())) {
                self.plan.steps.push(Step::AddIndex { table: table.clone(), column });
            }
        }
    }

    /// Refuses to drop columns and keys.
    fn keep_what_the_entity_lacks(&mut self, entity: &Model, known: &Model) {
        let table = &entity.table;
        let is_new = |item: &Item| matches!(item, Item::Column(_)) && !known.items.contains_key(item);
        for (item, theirs) in known.items.iter().filter(|(item, _)| !entity.items.contains_key(*item)) {
            match item {
                Item::Column(name) => {
                    let kind = theirs.facets.get("type");
                    let mut new = entity.items.iter().filter(|(item, _)| is_new(item));
                    let renamed = new.find(|(_, ours)| ours.facets.get("type") == kind);
                    let (rename, remedy) = match renamed {
                        Some((item, _)) => (format!(", or is renamed to {item}"), Remedy::RENAME),
                        None => (String::new(), Remedy::DROP_COLUMN),
                    };
                    let problem = format!(
                        "the entity lacks it; dropping it loses its values and breaks the running release{rename}"
                    );
                    self.refuse(format!("column {table}.{name}"), problem, remedy);
                }
                Item::ForeignKey { .. } | Item::Unique(_)
                    if item.columns().iter().all(|column| entity.has(column)) =>
                {
                    let problem = format!(
                        "the entity lacks {item}; without it rows can be written that prevent its return, by down as well"
                    );
                    let drop = format!("alter table {table} drop constraint if exists {}", theirs.name);
                    let object = format!("constraint {} on {table}", theirs.name);
                    self.refuse(object, problem, Remedy::Statement(drop));
                }
                _ => {}
            }
        }
    }

    fn add_column(&mut self, table: &str, name: &str, ours: &Description) {
        let Some(column) = self.column(table, name, ours) else { return };
        if !column.nullable && column.default.is_none() {
            let problem = "is not null and has no default, so that it cannot be added to a table with rows; state a \
                           default_value in the entity, or add it as Option first";
            return self.refuse(format!("column {table}.{name}"), problem, Remedy::NOT_NULL);
        }
        self.plan.steps.push(Step::AddColumn { table: table.to_owned(), column });
    }

    fn change_column(&mut self, table: &str, name: &str, ours: &Description, theirs: &Description) {
        let differs =
            |name: &str| ours.facets.get(name).is_some_and(|ours| theirs.facets.get(name) != Some(ours));
        let object = || format!("column {table}.{name}");
        if differs("type") {
            let problem = format!(
                "is {}, and {} in the entity; changing the type rewrites the table while readers and writers wait",
                theirs.facet("type"),
                ours.facet("type")
            );
            self.refuse(object(), problem, Remedy::CHANGE_TYPE);
        }
        let alter =
            |change: &str| Remedy::Statement(format!("alter table {table} alter column {name} {change}"));
        if differs("nullability") {
            let (problem, remedy) = if ours.facet("nullability") == "null" {
                let problem = "may be null in the entity; the running release cannot read a null, and down fails after one";
                (problem, alter("drop not null"))
            } else {
                let problem = "is not null in the entity; setting that reads the whole table while readers and writers \
                               wait, and fails if a row has null";
                (problem, Remedy::NOT_NULL)
            };
            self.refuse(object(), problem, remedy);
        }
        if differs("default") {
            let default = ours.facet("default");
            let problem = format!(
                "has the default {default} in the entity; it changes the rows that the running release inserts"
            );
            self.refuse(object(), problem, alter(&format!("set default {default}")));
        }
    }
}
