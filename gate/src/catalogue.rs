//! The objects of a database, as PostgreSQL's catalogue describes them.
//!
//! Each object has a name, `column contacts.email`, and facets. Excluded is what migrations do not define: the order of
//! columns (code names them), the owner, versions and members of extensions, the members of the role `customer`, options
//! that the server manages itself, and what this product has no use for: casts, operators, collations, text search,
//! languages, foreign servers, subscriptions.
//!
//! Of a database that `ops distribute` distributed by Citus, how each table is distributed and the casts of enums are objects
//! as well.

pub(crate) mod differences;
pub(crate) mod distribution;
pub(crate) mod schema;

use crate::Error;
use serde_json::{Map, Value};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use std::collections::{BTreeMap, BTreeSet};

/// The objects of one database, by name.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    objects: BTreeMap<String, Object>,
    migrations: BTreeSet<String>,
}

#[derive(Clone, Debug, Default)]
struct Object {
    /// The objects that contain it: it is created and dropped with them.
    parts_of: BTreeSet<String>,
    /// The objects that it depends on, those that contain it included.
    needs: BTreeSet<String>,
    facets: Map<String, Value>,
    /// Of a column in its table; 0 for any other object.
    position: i32,
}

/// How PostgreSQL prints names and expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// To the letter, every name with its schema whatever the settings of the login are: for comparisons.
    Exact,
    /// In its pretty form, with short names: for readers.
    Readable,
}

/// The table in which the migrator records the applied migrations.
pub const LEDGER: &str = "table seaql_migrations";

impl Catalogue {
    /// Reads the whole catalogue with one statement, and the ledger.
    ///
    /// # Errors
    /// PostgreSQL is older than version 15, or the login may not read the ledger.
    pub async fn read(connection: &mut PgConnection) -> Result<Self, Error> {
        let objects = objects(connection, Form::Exact).await?;
        let migrations = if objects.contains_key(LEDGER) {
            let names = sqlx::query_scalar("select version from public.seaql_migrations");
            names.fetch_all(connection).await.map_err(Error::Ledger)?.into_iter().collect()
        } else {
            BTreeSet::new()
        };
        Ok(Self { objects, migrations })
    }

    /// The names of the applied migrations; empty for a database that was never migrated.
    #[must_use]
    pub fn migrations(&self) -> &BTreeSet<String> {
        &self.migrations
    }

    /// The same without comments.
    pub(crate) fn without_comments(mut self) -> Self {
        for object in self.objects.values_mut() {
            object.facets.remove("comment");
        }
        self
    }
}

async fn objects(connection: &mut PgConnection, form: Form) -> Result<BTreeMap<String, Object>, Error> {
    let search_path = if form == Form::Exact { "" } else { "public" };
    // Restored by hand and not by a transaction, because the caller's may be open.
    let before: String =
        sqlx::query_scalar("select current_setting('search_path')").fetch_one(&mut *connection).await?;
    let set = "select set_config('search_path', $1, false)";
    sqlx::query(set).bind(search_path).execute(&mut *connection).await?;
    let query = sqlx::query(include_str!("catalogue/catalogue.sql")).bind(form == Form::Readable);
    let rows = query.fetch_all(&mut *connection).await?;
    sqlx::query(set).bind(before).execute(&mut *connection).await?;
    Ok(rows.iter().map(object).collect::<Result<_, _>>()?)
}

fn object(row: &PgRow) -> Result<(String, Object), sqlx::Error> {
    let names = |index| row.try_get::<Vec<String>, _>(index).map(|names| names.into_iter().collect());
    let parts_of: BTreeSet<String> = names(1)?;
    let mut needs: BTreeSet<String> = names(2)?;
    needs.extend(parts_of.iter().cloned());
    let facets = serde_json::from_str(row.try_get(3)?).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok((row.try_get(0)?, Object { parts_of, needs, facets, position: row.try_get(4)? }))
}

/// A facet as people read it.
fn text(facet: &Value) -> String {
    match facet {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
