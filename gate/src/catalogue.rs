//! What a database consists of, and in what two databases differ.
//!
//! Each object has a name, `column contacts.email`, and facets, each a text. Left out is what migrations do not say:
//! the order of columns (code names them), who the owner is, the extensions' versions and members, who else is a member
//! of the role `customer`, and what this product has no use for: casts, operators, collations, text search, languages,
//! foreign servers, subscriptions.

pub(crate) mod schema;

use crate::{Error, Finding};
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use sqlx::{Executor as _, Row as _};
use std::collections::{BTreeMap, BTreeSet};

/// The objects of one database, by name.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    objects: BTreeMap<String, Object>,
    migrations: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Object {
    /// Without these it would not be there, and nobody would miss it.
    parts_of: BTreeSet<String>,
    /// Without these it could not be there.
    needs: BTreeSet<String>,
    facets: BTreeMap<String, String>,
}

/// The table that remembers which migrations were applied.
pub const LEDGER: &str = "table seaql_migrations";

/// The facet that migrations write last, whatever else is pending.
const COMMENT: &str = "comment";

impl Catalogue {
    /// Reads the whole catalogue with one statement, and the ledger.
    ///
    /// # Errors
    /// PostgreSQL is older than version 15, or keeps the ledger from this login.
    pub async fn read(connection: &mut PgConnection) -> Result<Self, Error> {
        let search_path: String =
            sqlx::query_scalar("select current_setting('search_path')").fetch_one(&mut *connection).await?;
        // Now every name is written with its schema, whatever the login's own settings are.
        connection.execute("set search_path = ''").await?;
        let rows = sqlx::query(include_str!("catalogue/catalogue.sql")).fetch_all(&mut *connection).await?;
        sqlx::query("select set_config('search_path', $1, false)")
            .bind(search_path)
            .execute(&mut *connection)
            .await?;
        let objects: BTreeMap<_, _> = rows.iter().map(object).collect::<Result<_, _>>()?;
        let migrations = if objects.contains_key(LEDGER) {
            let names = sqlx::query_scalar("select version from public.seaql_migrations");
            names.fetch_all(connection).await.map_err(Error::Ledger)?.into_iter().collect()
        } else {
            BTreeSet::new()
        };
        Ok(Self { objects, migrations })
    }

    /// The names of the migrations that were applied; none where nothing was ever migrated.
    #[must_use]
    pub fn migrations(&self) -> &BTreeSet<String> {
        &self.migrations
    }

    pub(crate) fn has(&self, kind: &str, name: &str) -> bool {
        self.objects.contains_key(&format!("{kind} {name}"))
    }

    /// The objects of a kind, without that word: `contacts.email` for `column`.
    pub(crate) fn names<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        self.objects.keys().filter_map(move |name| name.strip_prefix(kind)?.strip_prefix(' '))
    }

    /// A facet of an object; `None`: there is no such object, or it has no such facet.
    pub(crate) fn facet(&self, kind: &str, name: &str, facet: &str) -> Option<&str> {
        Some(self.objects.get(&format!("{kind} {name}"))?.facets.get(facet)?)
    }

    /// The same without comments.
    #[must_use]
    pub fn without_comments(mut self) -> Self {
        for object in self.objects.values_mut() {
            object.facets.remove(COMMENT);
        }
        self
    }

    /// One finding for each object of `found` that is not as it is here.
    ///
    /// What is a part of something missing or new is not told apart from it; what is gone or written differently only
    /// because of another object is told with that one.
    #[must_use]
    pub fn differences(&self, found: &Self) -> Vec<Finding> {
        let comparison = Comparison { wanted: self, found, changes: self.changes(found) };
        let mut findings: BTreeMap<&str, (&Change, Vec<&str>)> = BTreeMap::new();
        for (&name, change) in &comparison.changes {
            match comparison.cause(name) {
                None => findings.entry(name).or_insert((change, Vec::new())).0 = change,
                Some(Cause::Whole(_)) => {}
                Some(Cause::Needed(cause)) => {
                    let root = comparison.root(cause);
                    findings.entry(root).or_insert((&comparison.changes[root], Vec::new())).1.push(name);
                }
            }
        }
        findings.into_iter().map(|(name, (change, with_it))| finding(name, change, &with_it)).collect()
    }

    fn changes<'a>(&'a self, found: &'a Self) -> BTreeMap<&'a str, Change> {
        let mut changes = BTreeMap::new();
        for (name, wanted) in &self.objects {
            let change = match found.objects.get(name) {
                None => Change::Missing,
                Some(object) if object.facets == wanted.facets => continue,
                Some(object) => Change::Facets {
                    text: facets(&wanted.facets, &object.facets),
                    is_retyped: wanted.facets.get("type") != object.facets.get("type"),
                },
            };
            changes.insert(name.as_str(), change);
        }
        let extra = found.objects.keys().filter(|name| !self.objects.contains_key(*name));
        changes.extend(extra.map(|name| (name.as_str(), Change::Extra)));
        changes
    }
}

/// What became of an object.
#[derive(Debug)]
enum Change {
    Missing,
    Extra,
    Facets { text: String, is_retyped: bool },
}

/// The object without which another would not have changed.
#[derive(Clone, Copy, Debug)]
enum Cause<'a> {
    Whole(&'a str),
    Needed(&'a str),
}

#[derive(Debug)]
struct Comparison<'a> {
    wanted: &'a Catalogue,
    found: &'a Catalogue,
    changes: BTreeMap<&'a str, Change>,
}

impl<'a> Comparison<'a> {
    fn cause(&self, name: &str) -> Option<Cause<'a>> {
        let (wanted, found) = (self.wanted.objects.get(name), self.found.objects.get(name));
        match self.changes.get(name)? {
            Change::Missing => {
                let is_missing = |other: &Change| matches!(other, Change::Missing);
                let whole = self.first(wanted.map(|object| &object.parts_of), is_missing).map(Cause::Whole);
                whole
                    .or_else(|| self.first(wanted.map(|object| &object.needs), is_missing).map(Cause::Needed))
            }
            Change::Extra => {
                let parts_of = found.map(|object| &object.parts_of);
                self.first(parts_of, |other| matches!(other, Change::Extra)).map(Cause::Whole)
            }
            Change::Facets { .. } if is_written_from_others(name) => {
                let needs = [wanted, found].into_iter().flatten().map(|object| &object.needs);
                self.first(needs, |other| !matches!(other, Change::Facets { is_retyped: false, .. }))
                    .map(Cause::Needed)
            }
            Change::Facets { .. } => None,
        }
    }

    /// The first of some objects that changed in that way.
    fn first(
        &self,
        names: impl IntoIterator<Item = &'a BTreeSet<String>>,
        has: impl Fn(&Change) -> bool,
    ) -> Option<&'a str> {
        let mut names = names.into_iter().flatten();
        names.find(|name| self.changes.get(name.as_str()).is_some_and(&has)).map(String::as_str)
    }

    /// The object that nothing else explains.
    fn root(&self, mut name: &'a str) -> &'a str {
        // Dependencies have no circles; if they had, this would end all the same.
        for _ in 0..self.changes.len() {
            match self.cause(name) {
                Some(Cause::Whole(cause) | Cause::Needed(cause)) => name = cause,
                None => break,
            }
        }
        name
    }
}

/// Whether an object holds expressions, which PostgreSQL rewrites when a column or a type changes.
fn is_written_from_others(name: &str) -> bool {
    ["constraint ", "index ", "materialized view ", "policy ", "rule ", "statistics ", "trigger ", "view "]
        .iter()
        .any(|kind| name.starts_with(kind))
}

fn finding(name: &str, change: &Change, with_it: &[&str]) -> Finding {
    let mut problem = match change {
        Change::Missing => "is missing".to_owned(),
        Change::Extra => "is in no migration".to_owned(),
        Change::Facets { text, .. } => text.clone(),
    };
    if !with_it.is_empty() {
        problem.push_str(", and with it differ: ");
        problem.push_str(&with_it.join(", "));
    }
    Finding::of(name, problem)
}

/// What was and what is, facet by facet.
fn facets(wanted: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> String {
    let names: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
    let differing = names.into_iter().filter(|name| wanted.get(*name) != found.get(*name));
    let texts: Vec<String> = differing
        .map(|name| {
            let (was, is) = excerpts(wanted.get(name), found.get(name));
            format!("{name} was {was}, is {is}")
        })
        .collect();
    texts.join("; ")
}

/// Two texts, long ones from where they begin to differ.
fn excerpts(was: Option<&String>, is: Option<&String>) -> (String, String) {
    /// Enough to recognize a place by.
    const BEFORE: usize = 24;
    const LONGEST: usize = 120;
    let (was_text, is_text) = (was.map_or("", String::as_str), is.map_or("", String::as_str));
    let same = was_text.chars().zip(is_text.chars()).take_while(|(was, is)| was == is).count();
    let show = |text: Option<&String>| {
        let Some(text) = text else { return "nothing".to_owned() };
        let length = text.chars().count();
        let start = if length <= LONGEST { 0 } else { same.saturating_sub(BEFORE) };
        let shown: String = text.chars().skip(start).take(LONGEST).collect();
        let (before, after) =
            (if start > 0 { "…" } else { "" }, if start + LONGEST < length { "…" } else { "" });
        format!("`{before}{}{after}`", shown.replace("public.", "").replace('\n', "\\n"))
    };
    (show(was), show(is))
}

fn object(row: &PgRow) -> Result<(String, Object), sqlx::Error> {
    let names = |index| row.try_get::<Vec<String>, _>(index).map(|names| names.into_iter().collect());
    let parts_of: BTreeSet<String> = names(1)?;
    let mut needs: BTreeSet<String> = names(2)?;
    needs.extend(parts_of.iter().cloned());
    let facets: BTreeMap<String, Value> =
        serde_json::from_str(row.try_get(3)?).map_err(|error| sqlx::Error::Decode(error.into()))?;
    let text = |value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let facets = facets.into_iter().map(|(name, value)| (name, text(value))).collect();
    Ok((row.try_get(0)?, Object { parts_of, needs, facets }))
}
