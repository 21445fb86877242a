//! New tables, and the parts of tables: columns and keys that the builders can write.

use super::names::indexed;
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
        let is = |column: &str, kind: &str| {
            let found = entity.items.get(&Item::Column(column.to_owned()));
            found.is_some_and(|found| found.facet("type") == kind && found.facet("nullability") == "not null")
        };
        let key = entity.items.get(&Item::PrimaryKey);
        if !is("id", "uuid") || key.is_none_or(|key| key.facet("columns") != "id") {
            let problem = "its primary key has to be id, of an id type of entity/src/id.rs";
            self.refuse(format!("table {name}"), problem, Remedy::Entity);
        }
        for column in ["created_at", "updated_at"] {
            if !is(column, "timestamp with time zone") {
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
        let is_tenant = is(TENANT, "uuid") && tenant.is_some_and(|key| key.facet("on delete") == "cascade");
        if entity.has(TENANT) && !is_tenant {
            let problem = "organization_id has to be an OrganizationId, with the relation belongs_to, from = \
                           \"organization_id\", to = \"id\", on_delete = \"Cascade\"";
            self.refuse(format!("table {name}"), problem, Remedy::Entity);
        }
        let mut table = NewTable { name: name.clone(), is_tenant, ..NewTable::default() };
        let mut declared = BTreeSet::new();
        let implied = ["id", TENANT, "created_at", "updated_at"];
        for column in entity.columns.iter().filter(|column| !implied.contains(&column.as_str())) {
            let item = Item::Column(column.clone());
            table.columns.extend(entity.items.get(&item).and_then(|ours| self.column(name, column, ours)));
        }
        for (item, ours) in &entity.items {
            match item {
                Item::Unique(columns) => table.uniques.push(ordered(columns, entity)),
                Item::ForeignKey { .. } if *item != tenant_key => {
                    table.keys.extend(self.key(name, item, ours));
                }
                Item::Index(column) => _ = declared.insert(column.clone()),
                _ => {}
            }
        }
        declared.extend(is_tenant.then(|| TENANT.to_owned()));
        table.indexes = indexed(declared, &table.keys, &table.uniques);
        if self.plan.refusals.len() == refused {
            self.plan.steps.push(Step::CreateTable(table));
        }
    }

    /// The column, if a builder can write it.
    pub(super) fn column(&mut self, table: &str, name: &str, ours: &Description) -> Option<Column> {
        let kind = match ours.facet("type") {
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
                self.refuse(format!("column {table}.{name}"), problem, Remedy::ADD_COLUMN);
                return None;
            }
            default => default.and_then(|(_, literal)| literal),
        };
        Some(Column { name: name.to_owned(), kind, nullable: ours.facet("nullability") == "null", default })
    }

    /// The foreign key, if a builder can write it.
    pub(super) fn key(&mut self, table: &str, item: &Item, ours: &Description) -> Option<Key> {
        let Item::ForeignKey { from, table: parent, to } = item else { return None };
        let on_delete = match ours.facet("on delete") {
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
        let problem = if on_delete.is_none() || ours.facet("on update") != "no action" {
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
