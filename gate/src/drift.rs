//! The entities compared with other descriptions of the same tables, and live databases with their migrations.

pub(crate) mod entities;
pub mod live;
pub(crate) mod models;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A table as one source describes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) table: String,
    /// Of its struct, if the source is a file.
    pub(crate) line: usize,
    /// The comment of a file as a sentence, without the table's name; empty if there is none.
    pub(crate) doc: String,
    /// In their order.
    pub(crate) columns: Vec<String>,
    pub(crate) items: BTreeMap<Item, Description>,
}

/// A part of a table by what identifies it in every source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Item {
    Column(String),
    ForeignKey {
        from: Vec<String>,
        table: String,
        to: Vec<String>,
    },
    /// An index that begins with the column.
    Index(String),
    /// The rows of a table that refer to this one.
    List(String),
    PrimaryKey,
    Unique(BTreeSet<String>),
}

/// What a source states of a part.
#[derive(Clone, Debug, Default)]
pub(crate) struct Description {
    /// The field's, relation's or constraint's.
    pub(crate) name: String,
    pub(crate) line: usize,
    /// The comment of a field; empty if there is none.
    pub(crate) doc: String,
    /// The Rust type of a field, if the source is a file.
    pub(crate) rust_type: String,
    pub(crate) facets: BTreeMap<&'static str, String>,
}

/// A part that two sources describe differently; in one of them it may be missing.
#[derive(Debug)]
pub(crate) struct Difference<'a> {
    pub(crate) item: &'a Item,
    pub(crate) ours: Option<&'a Description>,
    pub(crate) theirs: Option<&'a Description>,
    pub(crate) problem: String,
}

impl Model {
    pub(crate) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|of| of == column)
    }

    /// The columns of an entity file with their types, without `Option`.
    pub(crate) fn rust_types(&self) -> impl Iterator<Item = (&str, &str)> {
        self.items.iter().filter_map(|(item, description)| match item {
            Item::Column(name) => Some((name.as_str(), description.rust_type.as_str())),
            _ => None,
        })
    }

    /// Compares an entity with another description, in the facets that the entity states.
    ///
    /// A column that only one of them has is one difference: constraints of such a column are none.
    pub(crate) fn differences<'a>(&'a self, other: &'a Self) -> Vec<Difference<'a>> {
        let is_comparable =
            |item: &Item| item.columns().iter().all(|column| self.has(column) && other.has(column));
        let missing = other.items.iter().filter(|(item, _)| !self.items.contains_key(item));
        // An entity states few of its indexes.
        let missing = missing.filter(|(item, _)| !matches!(item, Item::Index(_)));
        let mut missing: Vec<_> = missing.filter(|(item, _)| is_comparable(item)).collect();
        let mut differences = Vec::new();
        for (item, ours) in &self.items {
            let mut add = |theirs, problem| {
                differences.push(Difference { item, ours: Some(ours), theirs, problem });
            };
            if let Some(theirs) = other.items.get(item) {
                let facets = ours.facets.iter().filter_map(|(name, ours)| {
                    let theirs = theirs.facet(name);
                    (ours != theirs).then(|| format!("its {name} is {}, not {}", shown(ours), shown(theirs)))
                });
                let problems: Vec<String> = facets.collect();
                if !problems.is_empty() {
                    add(Some(theirs), problems.join("; "));
                }
            } else if !is_comparable(item) || matches!(item, Item::List(_)) {
            } else if let Some(place) = missing.iter().position(|(other, _)| item.is_like(other)) {
                let (other, theirs) = missing.remove(place);
                add(Some(theirs), format!("is {item}, not {other}"));
            } else {
                add(None, format!("only the entity has {item}"));
            }
        }
        differences.extend(missing.into_iter().map(|(item, theirs)| Difference {
            item,
            ours: None,
            theirs: Some(theirs),
            problem: format!("the entity lacks {item}"),
        }));
        differences
    }
}

impl Description {
    /// The value of a facet; empty if it is not stated.
    pub(crate) fn facet(&self, name: &str) -> &str {
        self.facets.get(name).map(String::as_str).unwrap_or_default()
    }
}

impl Item {
    /// The columns without which a source cannot have it.
    pub(crate) fn columns(&self) -> Vec<&String> {
        match self {
            Self::ForeignKey { from, .. } => from.iter().collect(),
            Self::Unique(columns) => columns.iter().collect(),
            Self::Index(column) => vec![column],
            Self::Column(_) | Self::List(_) | Self::PrimaryKey => Vec::new(),
        }
    }

    /// Whether one was meant in place of the other.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unique(ours), Self::Unique(theirs)) => !ours.is_disjoint(theirs),
            (Self::ForeignKey { table, from, .. }, Self::ForeignKey { table: other, from: theirs, .. }) => {
                let set = |columns: &[String]| columns.iter().cloned().collect::<BTreeSet<_>>();
                table == other || set(from) == set(theirs)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(name) => write!(f, "the column {name}"),
            Self::ForeignKey { from, table, to } => {
                write!(f, "a foreign key from ({}) to {table} ({})", from.join(", "), to.join(", "))
            }
            Self::Index(column) => write!(f, "an index that begins with {column}"),
            Self::List(table) => write!(f, "the list of {table}"),
            Self::PrimaryKey => f.write_str("a primary key"),
            Self::Unique(columns) => {
                write!(f, "a unique key ({})", columns.iter().cloned().collect::<Vec<_>>().join(", "))
            }
        }
    }
}

fn shown(facet: &str) -> &str {
    if facet.is_empty() { "nothing" } else { facet }
}
