//! A migrated schema, as PostgreSQL's catalogue describes it: what `schema.sql` and `docs/schema` are written from.

use crate::{Error, Subject};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What the schema `public` holds, the ledger of the migrations aside. Names are quoted where SQL wants it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Schema {
    pub(crate) enums: Vec<Enum>,
    pub(crate) functions: Vec<Function>,
    /// Each after those that it refers to.
    pub(crate) tables: Vec<Table>,
    /// Of what is neither a table nor a column.
    pub(crate) comments: Vec<Comment>,
    /// What nothing here describes.
    pub(crate) unknown: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Enum {
    pub(crate) name: String,
    pub(crate) values: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "they are PostgreSQL's")]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) arguments: String,
    /// Its name with the types of its arguments.
    pub(crate) signature: String,
    pub(crate) result: String,
    pub(crate) language: String,
    /// `i`, `s` or `v`.
    pub(crate) volatility: String,
    /// `s`, `r` or `u`.
    pub(crate) parallel: String,
    pub(crate) strict: bool,
    pub(crate) leakproof: bool,
    pub(crate) definer: bool,
    /// `name=value`.
    pub(crate) settings: Vec<String>,
    pub(crate) source: String,
    /// The body where it is SQL and no text.
    pub(crate) sql: Option<String>,
    /// Whether everybody may call it.
    pub(crate) public: bool,
    /// Who else may, the owner aside.
    pub(crate) roles: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) comment: Option<String>,
    /// Whether Row Level Security is on.
    pub(crate) security: bool,
    /// Whether it holds for the owner as well.
    pub(crate) forced: bool,
    pub(crate) columns: Vec<Column>,
    pub(crate) constraints: Vec<Constraint>,
    /// Those that no constraint brought.
    pub(crate) indexes: Vec<Index>,
    pub(crate) triggers: Vec<Trigger>,
    pub(crate) policies: Vec<Policy>,
    pub(crate) grants: Vec<Grant>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Column {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Where it is not the type's.
    pub(crate) collation: Option<String>,
    pub(crate) not_null: bool,
    pub(crate) default: Option<String>,
    pub(crate) comment: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Constraint {
    pub(crate) name: String,
    pub(crate) kind: ConstraintKind,
    pub(crate) definition: String,
    pub(crate) columns: Option<Vec<String>>,
    /// The table, of a foreign key.
    pub(crate) refers_to: Option<String>,
    /// Its columns.
    pub(crate) referred: Vec<String>,
    /// What becomes of the row when the one it refers to is deleted, as PostgreSQL abbreviates it.
    pub(crate) on_delete: String,
    /// Which columns `set null` concerns; empty: all of the key.
    pub(crate) set_on_delete: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum ConstraintKind {
    #[serde(rename = "c")]
    Check,
    #[serde(rename = "f")]
    Foreign,
    #[serde(rename = "p")]
    Primary,
    #[serde(rename = "u")]
    Unique,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) definition: String,
    pub(crate) columns: Vec<String>,
    pub(crate) unique: bool,
    /// Which rows it holds; `None`: all.
    pub(crate) condition: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trigger {
    pub(crate) name: String,
    pub(crate) definition: String,
    /// What `alter table` has to say of it; empty: nothing.
    pub(crate) enabled: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) permissive: bool,
    /// As PostgreSQL abbreviates it.
    pub(crate) command: String,
    pub(crate) roles: Vec<String>,
    pub(crate) using: Option<String>,
    pub(crate) check: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grant {
    pub(crate) role: String,
    pub(crate) privilege: String,
    pub(crate) grantable: bool,
    /// `None`: the table as a whole.
    pub(crate) column: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Comment {
    /// A kind and a name: `function set_updated_at()`.
    pub(crate) on: String,
    pub(crate) is: String,
}

impl Schema {
    /// Asks the catalogue of the migrated database.
    pub(crate) async fn read(subject: &Subject) -> Result<Self, Error> {
        let document: String =
            sqlx::query_scalar(include_str!("schema.sql")).fetch_one(subject.pool()).await?;
        let mut schema: Self = serde_json::from_str(&document)
            .map_err(|error| sqlx::Error::Decode(format!("the catalogue's description: {error}").into()))?;
        let depths = schema.depths();
        schema.tables.sort_by(|a, b| (depths[&a.name], &a.name).cmp(&(depths[&b.name], &b.name)));
        Ok(schema)
    }

    /// The table of a name.
    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The foreign keys that lead to a table, with the tables that have them.
    pub(crate) fn referring(&self, name: &str) -> Vec<(&Table, &Constraint)> {
        let keys = self.tables.iter().flat_map(|table| table.foreign_keys().map(move |key| (table, key)));
        keys.filter(|(_, key)| key.refers_to.as_deref() == Some(name)).collect()
    }

    /// Who is named in grants and policies.
    pub(crate) fn roles(&self) -> BTreeSet<&str> {
        let named = self.tables.iter().flat_map(|table| {
            let granted = table.grants.iter().map(|grant| &grant.role);
            granted.chain(table.policies.iter().flat_map(|policy| &policy.roles))
        });
        let named = named.chain(self.functions.iter().flat_map(|function| &function.roles));
        named.map(String::as_str).filter(|role| *role != "public").collect()
    }

    /// How many tables lie between each and those that refer to none; in a circle it ends somewhere.
    fn depths(&self) -> BTreeMap<String, usize> {
        let mut depths: BTreeMap<String, usize> =
            self.tables.iter().map(|table| (table.name.clone(), 0)).collect();
        for _ in 0..self.tables.len() {
            for table in &self.tables {
                let others = table.foreign_keys().filter_map(|key| key.refers_to.as_ref());
                let deepest = others
                    .filter(|name| **name != table.name)
                    .filter_map(|name| Some(depths.get(name)? + 1))
                    .max();
                depths.insert(table.name.clone(), deepest.unwrap_or(0).min(self.tables.len()));
            }
        }
        depths
    }
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
    /// Its columns; empty for a check that names none.
    pub(crate) fn columns(&self) -> &[String] {
        self.columns.as_deref().unwrap_or_default()
    }

    /// The one column by which a reader knows a foreign key: a key inside a tenant has the tenant's besides.
    pub(crate) fn own_column(&self) -> &str {
        let own = self.columns().iter().find(|column| *column != "organization_id");
        own.or(self.columns().first()).map_or("", String::as_str)
    }
}

impl Column {
    /// The type as one writes it.
    pub(crate) fn short_type(&self) -> String {
        let kind = self.kind.replace("timestamp with time zone", "timestamptz");
        kind.replace(" without time zone", "").replace(',', ", ")
    }
}

impl Policy {
    /// The command in SQL's word.
    pub(crate) fn command(&self) -> &'static str {
        match self.command.as_str() {
            "r" => "select",
            "a" => "insert",
            "w" => "update",
            "d" => "delete",
            _ => "all",
        }
    }
}
