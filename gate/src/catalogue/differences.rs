//! In what two catalogues differ.

use super::{Catalogue, text};
use crate::Finding;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

impl Catalogue {
    /// One finding for each object of `found` that is not as it is here.
    ///
    /// A part of a missing or new object is no finding of its own; an object that is missing or printed differently only
    /// because of another object is listed in the finding of that one.
    #[must_use]
    pub fn differences(&self, found: &Self) -> Vec<Finding> {
        let comparison = Comparison { expected: self, found, changes: self.changes(found) };
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

    /// Every object that is missing, new or different in `found`.
    pub(crate) fn changes<'a>(&'a self, found: &'a Self) -> BTreeMap<&'a str, Change> {
        let mut changes = BTreeMap::new();
        for (name, expected) in &self.objects {
            let change = match found.objects.get(name) {
                None => Change::Missing,
                Some(object) if object.facets == expected.facets => continue,
                Some(object) => Change::Facets {
                    text: facets(&expected.facets, &object.facets),
                    is_retyped: expected.facets.get("type") != object.facets.get("type"),
                },
            };
            changes.insert(name.as_str(), change);
        }
        let extra = found.objects.keys().filter(|name| !self.objects.contains_key(*name));
        changes.extend(extra.map(|name| (name.as_str(), Change::Extra)));
        changes
    }
}

/// What differs in an object.
#[derive(Debug)]
pub(crate) enum Change {
    Missing,
    Extra,
    /// The facets that differ, as text.
    Facets {
        text: String,
        is_retyped: bool,
    },
}

/// The object without which another would not have changed.
#[derive(Clone, Copy, Debug)]
enum Cause<'a> {
    Whole(&'a str),
    Needed(&'a str),
}

#[derive(Debug)]
struct Comparison<'a> {
    expected: &'a Catalogue,
    found: &'a Catalogue,
    changes: BTreeMap<&'a str, Change>,
}

impl<'a> Comparison<'a> {
    fn cause(&self, name: &str) -> Option<Cause<'a>> {
        let (expected, found) = (self.expected.objects.get(name), self.found.objects.get(name));
        match self.changes.get(name)? {
            Change::Missing => {
                let is_missing = |other: &Change| matches!(other, Change::Missing);
                let whole = self.first(expected.map(|object| &object.parts_of), is_missing).map(Cause::Whole);
                whole.or_else(|| {
                    self.first(expected.map(|object| &object.needs), is_missing).map(Cause::Needed)
                })
            }
            Change::Extra => {
                let parts_of = found.map(|object| &object.parts_of);
                self.first(parts_of, |other| matches!(other, Change::Extra)).map(Cause::Whole)
            }
            Change::Facets { .. } if is_written_from_others(name) => {
                let needs = [expected, found].into_iter().flatten().map(|object| &object.needs);
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

    /// The object that causes the change and has no cause itself.
    fn root(&self, mut name: &'a str) -> &'a str {
        // Dependencies have no cycles; the bound ends the loop if they had.
        for _ in 0..self.changes.len() {
            match self.cause(name) {
                Some(Cause::Whole(cause) | Cause::Needed(cause)) => name = cause,
                None => break,
            }
        }
        name
    }
}

/// Whether an object holds expressions, which PostgreSQL prints again when a column or a type changes.
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

/// The old and the new value of each facet that differs.
fn facets(expected: &Map<String, Value>, found: &Map<String, Value>) -> String {
    let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    let differing = names.into_iter().filter(|name| expected.get(*name) != found.get(*name));
    let texts: Vec<String> = differing
        .map(|name| {
            let (was, is) = excerpts(expected.get(name), found.get(name));
            format!("{name} was {was}, is {is}")
        })
        .collect();
    texts.join("; ")
}

/// Two values, long ones from their first difference.
fn excerpts(was: Option<&Value>, is: Option<&Value>) -> (String, String) {
    /// Enough context to locate the difference.
    const BEFORE: usize = 24;
    const LONGEST: usize = 120;
    let (was, is) = (was.map(text), is.map(text));
    let (was_text, is_text) = (was.as_deref().unwrap_or_default(), is.as_deref().unwrap_or_default());
    let same = was_text.chars().zip(is_text.chars()).take_while(|(was, is)| was == is).count();
    let show = |text: Option<&str>| {
        let Some(text) = text else { return "nothing".to_owned() };
        let length = text.chars().count();
        let start = if length <= LONGEST { 0 } else { same.saturating_sub(BEFORE) };
        let shown: String = text.chars().skip(start).take(LONGEST).collect();
        let (before, after) =
            (if start > 0 { "…" } else { "" }, if start + LONGEST < length { "…" } else { "" });
        format!("`{before}{}{after}`", shown.replace("public.", "").replace('\n', "\\n"))
    };
    (show(was.as_deref()), show(is.as_deref()))
}
