//! New tables, and the parts of tables: columns and keys that the builders can write.

use super::names::Indexed;
use super::plan::{Column, Key, Kind, Literal, NewTable, Step};
use super::planner::{Planner, TENANT, ordered};
use super::refusal::Remedy;
use crate::drift::{Description, Item, Model};
use std::collections::BTreeSet;

impl<'a> Planner<'a> {
    /// Plans a new table, if it follows the conventions that the builders know.
    pub(super) fn create(&mut self, entity: &'a Model) {
        let name = &entity.table;
        let refused = self.plan.refusals.len();
        let facets = |column: &str, facets: &[(&str, &str)]| {
            let found = entity.items.get(&Item::Column(column.to_owned()));
            found.is_some_and(|found| {
                facets
                    .iter()
                    .all(|(facet, value)| found.facets.get(facet).is_some_and(|found| found == value))
            })
        };
        let is_key = entity.items.get(&Item::PrimaryKey).and_then(|key| key.facets.get("columns"));
        if !facets("id", &[("type", "uuid"), ("nullability", "not null")])
            || is_key.is_none_or(|key| key != "id")
        {
            let problem = "its primary key has to be id, of an id type of entity/src/id.rs";
            self.refuse(format!("table {name}"), problem, Remedy::Entity);
        }
        for column in ["created_at", "updated_at"] {
            if !facets(column, &[("type", "timestamp with time zone"), ("nullability", "not null")]) {
                let problem = format!("it needs a field {column} of type DateTimeUtc");
                self.refuse(format!("table {name}"), problem, Remedy::Entity);
            }
        }
        let tenant_key = Item::ForeignKey {
            from: vec![TENANT.to_owned()],
            table: "organizations".to_owned(),
            to: vec!["id".to_owned()],
        };
        let tenant = entity.items.get(&tenant_key);
        let is_tenant = entity.has(TENANT)
            && facets(TENANT, &[("type", "uuid"), ("nullability", "not null")])
            && tenant
                .is_some_and(|key| key.facets.get("on delete").is_some_and(|action| action == "cascade"));
        if entity.has(TENANT) && !is_tenant {
            let problem = "organization_id has to be an OrganizationId, with the relation belongs_to, from = \
                           \"organization_id\", to = \"id\", on_delete = \"Cascade\"";
            self.refuse(format!("table {name}"), problem, Remedy::Entity);
        }
        let mut table = NewTable { name: name.clone(), is_tenant, ..NewTable::default() };
        let mut indexed = Indexed::default();
        let implied = ["id", TENANT, "created_at", "updated_at"];
        for column in entity.columns.iter().filter(|column| !implied.contains(&column.as_str())) {
            let item = Item::Column(column.clone());
            table.columns.extend(entity.items.get(&item).and_then(|ours| self.column(name, column, ours)));
        }
        for (item, ours) in &entity.items {
            match item {
                Item::Unique(columns) => {
                    let columns = ordered(columns, entity);
                    indexed.unique(&columns);
                    table.uniques.push(columns);
                }
                Item::ForeignKey { .. } if *item != tenant_key => {
                    if let Some(key) = self.key(name, item, ours) {
                        indexed.key(&key);
                        table.keys.push(key);
                    }
                }
                Item::Index(column) => indexed.declare(column),
                _ => {}
            }
        }
        if is_tenant {
            indexed.declare(TENANT);
        }
        table.indexes = indexed.missing();
        if self.plan.refusals.len() == refused {
            self.plan.steps.push(Step::CreateTable(table));
        }
    }

    /// The column, if a builder can write it.
    pub(super) fn column(&mut self, table: &str, name: &str, ours: &Description) -> Option<Column> {
        let facet = |name| ours.facets.get(name).map(String::as_str).unwrap_or_default();
        let kind = match facet("type") {
            "bigint" => Kind::Plain("big_integer"),
            "boolean" => Kind::Plain("boolean"),
            "bytea" => Kind::Plain("blob"),
            "date" => Kind::Plain("date"),
            "double precision" => Kind::Plain("double"),
            "jsonb" => Kind::Plain("json_binary"),
            "numeric" => Kind::Plain("decimal"),
            "text" => Kind::Text,
            "time without time zone" => Kind::Plain("time"),
            "timestamp with time zone" => Kind::Plain("timestamp_with_time_zone"),
            "uuid" => Kind::Plain("uuid"),
            kind if self.entities.enums.contains_key(kind) => Kind::Enum(kind.to_owned()),
            kind => {
                if let Some(size) = kind.strip_prefix("numeric(").and_then(|rest| rest.strip_suffix(')')) {
                    Kind::Decimal(size.replace(',', ", "))
                } else {
                    let problem = format!(
                        "is {kind}, which the conventions do not have: integers are i64, text has column_type = \
                         \"Text\", documents column_type = \"JsonBinary\", and times are DateTimeUtc (docs/conventions.md)"
                    );
                    self.refuse(format!("column {table}.{name}"), problem, Remedy::Entity);
                    return None;
                }
            }
        };
        let default = match ours.facets.get("default").map(|text| (text, literal(text))) {
            Some((text, None)) => {
                let problem = format!(
                    "has the default {text}, which is no constant; a volatile one rewrites the table"
                );
                self.refuse(format!("column {table}.{name}"), problem, Remedy::AddColumn);
                return None;
            }
            default => default.and_then(|(_, literal)| literal),
        };
        Some(Column { name: name.to_owned(), kind, nullable: facet("nullability") == "null", default })
    }

    /// The foreign key, if a builder can write it.
    pub(super) fn key(&mut self, table: &str, item: &Item, ours: &Description) -> Option<Key> {
        let Item::ForeignKey { from, table: parent, to } = item else { return None };
        let action = |event| ours.facets.get(event).map(String::as_str).unwrap_or_default();
        let on_delete = match action("on delete") {
            "cascade" => Some("cascade"),
            "restrict" => Some("restrict"),
            "set null" => Some("set null"),
            _ => None,
        };
        let column = match (from.as_slice(), to.as_slice()) {
            ([column], [id]) if id == "id" => Some((column, false)),
            ([tenant, column], [other, id]) if tenant == TENANT && other == TENANT && id == "id" => {
                Some((column, true))
            }
            _ => None,
        };
        let target: BTreeSet<String> = to.iter().cloned().collect();
        let has_target = self.entity(parent).is_some_and(|parent| {
            to.len() == 1 && parent.has("id") || parent.items.contains_key(&Item::Unique(target))
        });
        let problem = if on_delete.is_none() || action("on update") != "no action" {
            "a key states on_delete as Cascade, Restrict or SetNull, and no on_update".to_owned()
        } else if column.is_none() {
            "a key refers to (id), or from (organization_id, column) to (organization_id, id)".to_owned()
        } else if !has_target {
            format!("{parent} has no unique key ({}); its entity states it by unique_key", to.join(", "))
        } else {
            let (column, within_tenant) = column?;
            let (column, parent, on_delete) = (column.clone(), parent.clone(), on_delete?);
            return Some(Key { column, parent, on_delete, within_tenant });
        };
        self.refuse(format!("relation {table}.{}", ours.name), format!("{item}: {problem}"), Remedy::Entity);
        None
    }
}

/// A constant of SQL; `None`: an expression.
fn literal(sql: &str) -> Option<Literal> {
    if sql.starts_with('\'') && sql.ends_with('\'') {
        return Some(Literal::Text(unquoted(sql)));
    }
    let is_bare = matches!(sql, "true" | "false") || sql.parse::<f64>().is_ok_and(f64::is_finite);
    is_bare.then(|| Literal::Bare(sql.to_owned()))
}

/// The text of a literal.
pub(super) fn unquoted(sql: &str) -> String {
    let inner = sql.strip_prefix('\'').and_then(|sql| sql.strip_suffix('\''));
    inner.unwrap_or(sql).replace("''", "'")
}
