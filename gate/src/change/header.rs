//! The header of a generated migration: what it does, why, the risk, the locks, and what `down` loses.

use super::plan::{Kind, Mode, NewTable, NewValues, Part, Step};
use crate::drift::models::capitalized;
use migration::header;
use std::collections::{BTreeMap, BTreeSet};

/// The widest line of a comment.
const WIDTH: usize = 115;

/// The header, each line a `//!` comment. `sentences` are the descriptions of the new tables.
pub(super) fn header(part: &Part, intent: Option<&str>, sentences: &BTreeMap<String, String>) -> String {
    let mut text = comment("", &what(part, sentences));
    text.push_str("//!\n");
    // The text of the template, which the gate reports until it is replaced.
    let template = header::intent(migration::TEMPLATE).unwrap_or_default();
    text.push_str(&comment("Intent: ", intent.unwrap_or(&template)));
    text.push_str(&comment("Risk: ", &risk(part)));
    let locks = locks(part);
    if part.mode != Mode::Online && part.refusals.is_empty() && !locks.is_empty() {
        let locks = locks.iter().map(|(table, (mode, why))| format!("{} ({mode}: {why})", code(table)));
        text.push_str(&comment("Locks: ", &format!("{}.", locks.collect::<Vec<_>>().join("; "))));
    }
    text.push_str(&comment("Down: ", &down(part)));
    text
}

fn what(part: &Part, sentences: &BTreeMap<String, String>) -> String {
    let mut did: Vec<String> = part.steps.iter().map(|step| did(step, sentences)).collect();
    if !part.refusals.is_empty() {
        did.push("is not complete: see `UNDECIDED`".to_owned());
    }
    format!("{}.", capitalized(&did.join("; ")))
}

fn did(step: &Step, sentences: &BTreeMap<String, String>) -> String {
    match step {
        Step::CreateEnum(kind) => format!("creates the enum type {}", code(&kind.name)),
        Step::AddValues(NewValues { kind, added, .. }) => {
            format!("adds {} to {}", list(added), code(&kind.name))
        }
        Step::AddColumn { table, column } => format!("adds `{table}.{}`", column.name),
        Step::AddUnique { table, columns } => format!("adds the unique key `{table}` ({})", list(columns)),
        Step::CreateTable(table) => {
            let sentence = sentences.get(&table.name).map(|text| format!(": {}", decapitalized(text)));
            format!("creates {}{}", code(&table.name), sentence.unwrap_or_default().trim_end_matches('.'))
        }
        Step::AddReference { table, key } => {
            format!("adds the key `{table}.{}` to {}", key.column, code(&key.parent))
        }
        Step::AddIndex { table, column } => format!("adds an index of `{table}` ({})", code(column)),
    }
}

fn risk(part: &Part) -> String {
    if !part.refusals.is_empty() {
        return "not known before the steps of `UNDECIDED` are written.".to_owned();
    }
    let locks = locks(part);
    let mut sentences = if part.mode == Mode::Online {
        online_risk(part, &locks)
    } else {
        let sentence = if locks.is_empty() {
            "none. No existing table is locked or rewritten."
        } else if locks.values().any(|(mode, _)| *mode == ACCESS_EXCLUSIVE) {
            "readers and writers of the tables under Locks wait until the migration commits. No row is read or written."
        } else {
            "writes to the tables under Locks wait until the migration commits. Reads do not wait, and nothing is \
             rewritten."
        };
        vec![sentence.to_owned()]
    };
    if part.steps.iter().any(|step| matches!(step, Step::AddUnique { .. })) {
        sentences.push("A unique key fails if two rows have the same values.".to_owned());
    }
    if part.mode == Mode::Values {
        let sentence = "Code of the previous release cannot read a new value: release the code that knows it before code \
                        writes it.";
        sentences.push(sentence.to_owned());
    }
    sentences.join(" ")
}

/// A migration without a transaction names its locks here.
fn online_risk(part: &Part, locks: &Locks<'_>) -> Vec<String> {
    let tables = |mode| {
        let tables = locks.iter().filter(|(_, (of, _))| *of == mode).map(|(table, _)| code(table));
        tables.collect::<Vec<_>>().join(", ")
    };
    let (exclusive, shared) = (tables(ACCESS_EXCLUSIVE), tables(SHARE_ROW_EXCLUSIVE));
    let read = read(part).into_iter().map(code).collect::<Vec<_>>().join(", ");
    let mut sentences = vec![
        "each step commits by itself, and the next `up` continues after one that failed. Nothing is rewritten.".to_owned(),
    ];
    if !exclusive.is_empty() {
        sentences.push(format!(
            "Changes of the catalogue lock {exclusive} (access exclusive), without reading a row."
        ));
    }
    if !shared.is_empty() {
        sentences.push(format!("Keys lock {shared} (share row exclusive)."));
    }
    if !read.is_empty() {
        sentences.push(format!(
            "Validations and indexes read {read} without blocking readers or writers; an index waits for every older \
             transaction."
        ));
    }
    sentences
}

const ACCESS_EXCLUSIVE: &str = "access exclusive";
const SHARE_ROW_EXCLUSIVE: &str = "share row exclusive";

/// The mode and the reason of each lock, by table.
type Locks<'a> = BTreeMap<&'a str, (&'static str, &'static str)>;

/// The locks on existing tables that are stronger than ROW EXCLUSIVE, with the reason.
fn locks(part: &Part) -> Locks<'_> {
    let new: BTreeSet<&str> = part.new_tables().map(|table| table.name.as_str()).collect();
    let mut locks = BTreeMap::new();
    for step in &part.steps {
        match step {
            Step::CreateTable(NewTable { is_tenant, keys, .. }) => {
                let parents = keys.iter().map(|key| key.parent.as_str());
                for parent in parents.chain(is_tenant.then_some("organizations")) {
                    locks.entry(parent).or_insert((SHARE_ROW_EXCLUSIVE, "the key"));
                }
            }
            Step::AddColumn { table, .. } => {
                locks.insert(table, (ACCESS_EXCLUSIVE, "the new column, for a change of the catalogue"));
            }
            Step::AddUnique { table, .. } => {
                locks.insert(table, (ACCESS_EXCLUSIVE, "the constraint of the index"));
            }
            Step::AddReference { table, key } => {
                for table in [table, &key.parent] {
                    locks.entry(table).or_insert((SHARE_ROW_EXCLUSIVE, "the key"));
                }
            }
            Step::CreateEnum(_) | Step::AddValues(_) | Step::AddIndex { .. } => {}
        }
    }
    locks.retain(|table, _| !new.contains(table));
    locks
}

/// The tables that a validation or an index reads.
fn read(part: &Part) -> BTreeSet<&str> {
    let tables = part.steps.iter().filter_map(|step| match step {
        Step::AddColumn { table, column } if matches!(column.kind, Kind::Text) => Some(table.as_str()),
        Step::AddUnique { table, .. } | Step::AddReference { table, .. } | Step::AddIndex { table, .. } => {
            Some(table)
        }
        _ => None,
    });
    tables.collect()
}

fn down(part: &Part) -> String {
    if !part.refusals.is_empty() {
        return "fails before the steps of `UNDECIDED` are written.".to_owned();
    }
    let mut parts = Vec::new();
    for step in part.steps.iter().rev() {
        match step {
            Step::CreateTable(table) => parts.push(format!("drops every row of {}", code(&table.name))),
            Step::AddColumn { table, column } => {
                parts.push(format!("drops the values of `{table}.{}`", column.name));
            }
            Step::AddValues(NewValues { kind, columns, .. }) => {
                let tables: BTreeSet<String> = columns.iter().map(|(table, ..)| code(table)).collect();
                parts.push(format!(
                    "fails while a row has a new value of {}, whose replacement rewrites {} under an access exclusive lock",
                    code(&kind.name),
                    tables.into_iter().collect::<Vec<_>>().join(", ")
                ));
            }
            _ => {}
        }
    }
    if parts.is_empty() {
        parts.push("drops the new objects; no row is lost".to_owned());
    }
    format!("{}.", parts.join("; "))
}

/// Lines of `//!`, with `start` before the first word.
fn comment(start: &str, text: &str) -> String {
    let mut lines = vec![format!("//! {start}").trim_end().to_owned()];
    for word in text.split_whitespace() {
        let line = &mut lines[0];
        let fits = line.chars().count() + 1 + word.chars().count() <= WIDTH;
        if fits {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.insert(0, format!("//! {word}"));
        }
    }
    lines.reverse();
    lines.join("\n") + "\n"
}

/// A name of the schema, as clippy requires it in a comment.
fn code(name: &str) -> String {
    format!("`{name}`")
}

fn list(columns: &[String]) -> String {
    let columns: Vec<String> = columns.iter().map(|column| code(column)).collect();
    columns.join(", ")
}

/// The sentence after a colon.
fn decapitalized(sentence: &str) -> String {
    let mut chars = sentence.chars();
    let first = chars.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    first + chars.as_str()
}
