//! The schema `public` of a migrated database as typed values, for the generated files and the comparison with the
//! entities.

use super::{Form, LEDGER, Object, objects};
use crate::Error;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The schema without the ledger of the migrations. Names are quoted where SQL requires it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    pub(crate) enums: Vec<Enum>,
    pub(crate) functions: Vec<Function>,
    /// Each after those that it refers to.
    pub(crate) tables: Vec<Table>,
    /// Of objects that are neither a table nor a column, by kind and name as SQL writes them.
    pub(crate) comments: BTreeMap<String, String>,
    /// Objects, or facets of objects, that this type cannot describe.
    pub(crate) unknown: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Enum {
    pub(crate) name: String,
    pub(crate) values: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Function {
    /// With the types of its arguments.
    #[serde(rename = "name")]
    pub(crate) signature: String,
    pub(crate) arguments: String,
    pub(crate) result: String,
    pub(crate) language: String,
    pub(crate) volatility: String,
    pub(crate) parallel: String,
    pub(crate) strict: bool,
    pub(crate) leakproof: bool,
    /// `definer` or `invoker`.
    pub(crate) security: String,
    /// `name=value`.
    #[serde(default)]
    pub(crate) settings: Vec<String>,
    pub(crate) body: Option<String>,
    /// A body that was parsed when the function was created.
    #[serde(rename = "sql body")]
    pub(crate) sql: Option<String>,
    /// The roles that may execute it, the owner excepted.
    #[serde(skip)]
    pub(crate) roles: BTreeSet<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) comment: Option<String>,
    #[serde(rename = "row level security")]
    pub(crate) security: bool,
    #[serde(rename = "forced on the owner")]
    pub(crate) forced: bool,
    #[serde(skip)]
    pub(crate) columns: Vec<Column>,
    /// The primary key first, then by name.
    #[serde(skip)]
    pub(crate) constraints: Vec<Constraint>,
    /// Those without a constraint.
    #[serde(skip)]
    pub(crate) indexes: Vec<Index>,
    #[serde(skip)]
    pub(crate) triggers: Vec<Trigger>,
    #[serde(skip)]
    pub(crate) policies: Vec<Policy>,
    /// To other roles than the owner, by role.
    #[serde(skip)]
    pub(crate) grants: BTreeMap<String, Vec<Grant>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Column {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// If it is not the type's.
    pub(crate) collation: Option<String>,
    pub(crate) nullable: bool,
    pub(crate) default: Option<String>,
    pub(crate) comment: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Constraint {
    pub(crate) name: String,
    pub(crate) kind: ConstraintKind,
    /// Of a check.
    pub(crate) condition: Option<String>,
    /// Empty for a check.
    #[serde(default)]
    pub(crate) columns: Vec<String>,
    /// Of a foreign key: the table and its columns, as `campaigns (organization_id, id)`.
    #[serde(rename = "refers to", default)]
    pub(crate) refers_to: String,
    /// The action, as SQL writes it.
    #[serde(rename = "on delete", default)]
    pub(crate) on_delete: String,
    #[serde(rename = "on update", default)]
    pub(crate) on_update: String,
    /// The columns of `set null`; empty: all of the key.
    #[serde(rename = "set on delete", default)]
    pub(crate) set_on_delete: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ConstraintKind {
    #[serde(rename = "primary key")]
    Primary,
    Check,
    #[serde(rename = "foreign key")]
    Foreign,
    Unique,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) definition: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trigger {
    pub(crate) name: String,
    pub(crate) definition: String,
    pub(crate) fires: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) permissive: bool,
    pub(crate) command: String,
    pub(crate) roles: Vec<String>,
    pub(crate) using: Option<String>,
    #[serde(rename = "with check")]
    pub(crate) check: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) privilege: String,
    pub(crate) grantable: bool,
    /// `None`: the whole table.
    pub(crate) column: Option<String>,
}

/// Facets that are left out of a description, because they are what PostgreSQL assumes.
const DEFAULTS: [(&str, &str); 10] = [
    ("access method", "heap"),
    ("cost", "100"),
    ("enforced", "true"),
    ("owner", "the owner"),
    ("persistence", "permanent"),
    ("replica identity", "default"),
    ("rows", "0"),
    ("rows", "1000"),
    ("valid", "true"),
    ("validated", "true"),
];

impl Schema {
    /// Reads the catalogue of a migrated database.
    pub(crate) async fn read(connection: &mut PgConnection) -> Result<Self, Error> {
        let objects = objects(connection, Form::Readable).await?;
        let mut schema = Self::default();
        // Tables before what belongs to them, and columns in their order.
        let mut ordered: Vec<(&String, &Object)> =
            objects.iter().filter(|(name, _)| *name != LEDGER).collect();
        let rank =
            |name: &str| ["table ", "column "].iter().position(|kind| name.starts_with(kind)).unwrap_or(2);
        ordered.sort_by_key(|(name, object)| (rank(name), object.position, *name));
        for (identity, object) in ordered {
            if schema.add(identity, object).is_none() && !is_implied(identity) {
                schema.unknown.push(identity.clone());
            }
        }
        for table in &mut schema.tables {
            table.constraints.sort_by_cached_key(|of| (of.kind != ConstraintKind::Primary, of.name.clone()));
        }
        let depths = schema.depths();
        schema.tables.sort_by_cached_key(|table| (depths[&table.name], table.name.clone()));
        Ok(schema)
    }

    /// `None`: there is no place for the object, or for one of its facets.
    fn add(&mut self, identity: &str, object: &Object) -> Option<()> {
        let (kind, name) = identity.split_once(' ')?;
        let (own, owner) = match kind {
            "column" => name.split_once('.').map(|(table, column)| (column, table))?,
            "constraint" | "index" | "policy" | "trigger" => name.rsplit_once(" on ")?,
            "grants" => return self.grant(name, object),
            _ => (name, ""),
        };
        let mut object = object.clone();
        if !matches!(kind, "table" | "column")
            && let Some(Value::String(comment)) = object.facets.remove("comment")
        {
            let on = if kind == "index" { own } else { name };
            self.comments.insert(format!("{} {on}", if kind == "enum" { "type" } else { kind }), comment);
        }
        let object = &object;
        let table = self.tables.iter_mut().find(|table| table.name == owner);
        match kind {
            "enum" => self.enums.push(described(own, object)?),
            "function" => self.functions.push(described(own, object)?),
            "table" => self.tables.push(described(own, object)?),
            "column" => table?.columns.push(described(own, object)?),
            "constraint" => table?.constraints.push(described(own, object)?),
            "index" => table?.indexes.push(described(own, object)?),
            "policy" => table?.policies.push(described(own, object)?),
            "trigger" => table?.triggers.push(described(own, object)?),
            _ => return None,
        }
        Some(())
    }

    /// `to customer on table contacts`.
    fn grant(&mut self, name: &str, object: &Object) -> Option<()> {
        let (role, on) = name.strip_prefix("to ")?.split_once(" on ")?;
        let (kind, on) = on.split_once(' ')?;
        let (on, column) = if kind == "column" {
            on.split_once('.').map(|(on, column)| (on, Some(column)))?
        } else {
            (on, None)
        };
        match kind {
            _ if role == "the owner" || on == "seaql_migrations" => {}
            "table" | "column" => {
                let table = self.tables.iter_mut().find(|table| table.name == on)?;
                let order = ["select", "insert", "update", "delete"];
                let grants = table.grants.entry(role.to_owned()).or_default();
                for privilege in object.facets.get("privileges")?.as_array()?.iter().filter_map(Value::as_str)
                {
                    let bare = privilege.strip_suffix(" with grant option").unwrap_or(privilege);
                    let (grantable, column) = (bare != privilege, column.map(ToOwned::to_owned));
                    grants.push(Grant { privilege: bare.to_owned(), grantable, column });
                }
                // The order in which people list them; columns keep their own.
                grants.sort_by_key(|grant| {
                    let place = order.iter().position(|word| *word == grant.privilege).unwrap_or(order.len());
                    let column = table.columns.iter().position(|of| Some(&of.name) == grant.column.as_ref());
                    (grant.grantable, place, column)
                });
            }
            "function" => {
                let function = self.functions.iter_mut().find(|function| function.signature == on);
                function.map(|function| function.roles.insert(role.to_owned()));
            }
            // PUBLIC may use types by default, and a role gets `usage` of the schema when it is created.
            "enum" if role == "public" => {}
            "schema" if on == "public" => {}
            _ => return None,
        }
        Some(())
    }

    /// The table of a name.
    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The foreign keys that refer to a table, with their own tables.
    pub(crate) fn referring(&self, name: &str) -> Vec<(&Table, &Constraint)> {
        let keys = self.tables.iter().flat_map(|table| table.foreign_keys().map(move |key| (table, key)));
        keys.filter(|(_, key)| key.parent() == name).collect()
    }

    /// The roles of grants and policies.
    pub(crate) fn roles(&self) -> BTreeSet<&str> {
        let named = self.tables.iter().flat_map(|table| {
            table.grants.keys().chain(table.policies.iter().flat_map(|policy| &policy.roles))
        });
        let named = named.chain(self.functions.iter().flat_map(|function| &function.roles));
        named.map(String::as_str).filter(|role| *role != "public").collect()
    }

    /// How many tables lie between each and those that refer to none; bounded where they form a cycle.
    fn depths(&self) -> BTreeMap<String, usize> {
        let mut depths: BTreeMap<String, usize> =
            self.tables.iter().map(|table| (table.name.clone(), 0)).collect();
        for _ in 0..self.tables.len() {
            for table in &self.tables {
                let parents = table.foreign_keys().map(Constraint::parent).filter(|name| *name != table.name);
                let deepest = parents.filter_map(|name| Some(depths.get(name)? + 1)).max();
                depths.insert(table.name.clone(), deepest.unwrap_or(0).min(self.tables.len()));
            }
        }
        depths
    }
}

/// Objects that other parts of a description imply: a role is created before its grants, and random ids come from an
/// extension.
fn is_implied(identity: &str) -> bool {
    matches!(
        identity,
        "extension plpgsql" | "function uuid_generate_v4()" | "role customer" | "schema public"
    ) || identity.split([' ', '.']).any(|word| word == "seaql_migrations")
}

/// The typed form; `None` if the object has a facet without a field.
fn described<T: DeserializeOwned>(name: &str, object: &Object) -> Option<T> {
    let mut facets = object.facets.clone();
    let is_default = |facet: &str, value: &Value| {
        DEFAULTS.iter().any(|(name, default)| *name == facet && super::text(value) == *default)
    };
    facets.retain(|facet, value| !is_default(facet, value));
    facets.insert("name".to_owned(), name.into());
    serde_json::from_value(Value::Object(facets)).ok()
}

impl Table {
    /// Its foreign keys.
    pub(crate) fn foreign_keys(&self) -> impl Iterator<Item = &Constraint> {
        self.constraints_of(ConstraintKind::Foreign)
    }

    /// Its constraints of a kind.
    pub(crate) fn constraints_of(&self, kind: ConstraintKind) -> impl Iterator<Item = &Constraint> {
        self.constraints.iter().filter(move |constraint| constraint.kind == kind)
    }

    /// The column of a name.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Constraint {
    /// The table that a foreign key refers to.
    pub(crate) fn parent(&self) -> &str {
        self.refers_to.split(" (").next().unwrap_or_default()
    }

    /// The columns that a foreign key refers to.
    pub(crate) fn referred(&self) -> Vec<&str> {
        let columns = self.refers_to.split_once(" (").map(|(_, columns)| columns.trim_end_matches(')'));
        columns.map(|columns| columns.split(", ").collect()).unwrap_or_default()
    }

    /// The column that identifies a foreign key to readers: a key within a tenant contains the tenant's besides.
    pub(crate) fn own_column(&self) -> &str {
        let own = self.columns.iter().find(|column| *column != "organization_id");
        own.or(self.columns.first()).map_or("", String::as_str)
    }

    /// The constraint as SQL, without its name.
    pub(crate) fn definition(&self) -> String {
        let columns = self.columns.join(", ");
        match self.kind {
            ConstraintKind::Check => self.condition.clone().unwrap_or_default(),
            ConstraintKind::Primary => format!("primary key ({columns})"),
            ConstraintKind::Unique => format!("unique ({columns})"),
            ConstraintKind::Foreign => {
                // Writing to a string does not fail.
                let mut text = format!("foreign key ({columns}) references {}", self.refers_to);
                for (event, action) in [("update", &self.on_update), ("delete", &self.on_delete)] {
                    if !matches!(action.as_str(), "" | "no action") {
                        let _ = write!(text, " on {event} {action}");
                    }
                }
                if !self.set_on_delete.is_empty() {
                    let _ = write!(text, " ({})", self.set_on_delete.join(", "));
                }
                text
            }
        }
    }
}

impl Index {
    /// The first column of an index over all rows; `None`: it covers some of them, or begins with an expression.
    pub(crate) fn first_column(&self) -> Option<&str> {
        let (_, columns) = self.definition.split_once(" (").filter(|(_, text)| !text.contains(" WHERE "))?;
        let first = columns.split([',', ')', ' ']).next()?;
        (!first.contains('(')).then_some(first)
    }
}

impl Column {
    /// The type as people write it.
    pub(crate) fn short_type(&self) -> String {
        let kind = self.kind.replace("timestamp with time zone", "timestamptz");
        kind.replace(" without time zone", "").replace(',', ", ")
    }
}
