//! The steps from the migrated schema to the entities, and the migrations that they are divided into.

use super::refusal::Refusal;
use crate::catalogue::schema::Enum;
use std::collections::BTreeSet;

/// What a migration does so that the schema agrees with the entities.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// In the order in which they can be executed.
    pub(crate) steps: Vec<Step>,
    /// What is not written, because it would lose data, lock a table for long, or violate a convention.
    pub(crate) refusals: Vec<Refusal>,
}

/// A change that loses nothing and that readers and writers do not wait for.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    CreateEnum(Enum),
    AddValues(NewValues),
    AddColumn { table: String, column: Column },
    AddUnique { table: String, columns: Vec<String> },
    CreateTable(NewTable),
    AddReference { table: String, key: Key },
    AddIndex { table: String, column: String },
}

/// Values that are added to an enum type of the schema.
#[derive(Clone, Debug)]
pub(crate) struct NewValues {
    /// With all values.
    pub(crate) kind: Enum,
    pub(crate) added: Vec<String>,
    /// The columns of the type: table, name and default.
    pub(crate) columns: Vec<(String, String, Option<String>)>,
    /// The statements that drop and create what names the type in an expression.
    pub(crate) dependents: Vec<(String, String)>,
}

/// A table to create.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewTable {
    pub(crate) name: String,
    /// Whether its rows belong to an organization.
    pub(crate) is_tenant: bool,
    /// Without those that every table has.
    pub(crate) columns: Vec<Column>,
    pub(crate) keys: Vec<Key>,
    pub(crate) uniques: Vec<Vec<String>>,
    /// The column of each.
    pub(crate) indexes: Vec<String>,
}

/// A column to create.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
    pub(crate) default: Option<Literal>,
}

/// The type of a column.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// By the function of `sea_orm_migration::schema` that creates the column.
    Plain(&'static str),
    /// With precision and scale.
    Decimal(String),
    Enum(String),
    Text,
}

/// A constant default.
#[derive(Clone, Debug)]
pub(crate) enum Literal {
    /// A number, or a boolean.
    Bare(String),
    Text(String),
}

/// A foreign key to `id` of a table.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) column: String,
    pub(crate) parent: String,
    /// In SQL: `cascade`, `restrict` or `set null`.
    pub(crate) on_delete: &'static str,
    /// Whether it contains `organization_id` at both ends.
    pub(crate) within_tenant: bool,
}

impl Plan {
    /// The plan as migrations to be applied in this order, each with steps of one kind. The first one has the refusals, so
    /// that nothing is applied before they are decided.
    pub(crate) fn into_parts(self) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for step in self.steps {
            let mode = step.mode();
            match parts.last_mut() {
                Some(part) if part.mode == mode => part.steps.push(step),
                _ => parts.push(Part { mode, steps: vec![step], refusals: Vec::new() }),
            }
        }
        if parts.is_empty() {
            parts.push(Part { mode: Mode::Create, steps: Vec::new(), refusals: Vec::new() });
        }
        parts[0].refusals = self.refusals;
        parts
    }

    /// Whether entities and schema agree.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.refusals.is_empty()
    }
}

/// A migration.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) mode: Mode,
    pub(crate) steps: Vec<Step>,
    pub(crate) refusals: Vec<Refusal>,
}

/// How the steps of a migration are executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Values of enum types, in a transaction of their own: they can be used only after it.
    Values,
    /// Changes of the catalogue, in one transaction.
    Create,
    /// Each step by itself: indexes are created concurrently, and constraints validated.
    Online,
}

impl Mode {
    /// The word in the name of one of several migrations.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Values => "values",
            Self::Create => "create",
            Self::Online => "validate",
        }
    }
}

impl Part {
    /// The tables that it creates.
    pub(crate) fn new_tables(&self) -> impl Iterator<Item = &NewTable> {
        self.steps.iter().filter_map(|step| match step {
            Step::CreateTable(table) => Some(table),
            _ => None,
        })
    }
}

impl Step {
    fn mode(&self) -> Mode {
        match self {
            Self::AddValues(_) => Mode::Values,
            Self::AddColumn { column, .. } if matches!(column.kind, Kind::Text) => Mode::Online,
            Self::CreateEnum(_) | Self::AddColumn { .. } | Self::CreateTable(_) => Mode::Create,
            Self::AddUnique { .. } | Self::AddReference { .. } | Self::AddIndex { .. } => Mode::Online,
        }
    }

    /// Whether it creates a text column, whose limit no entity states.
    pub(crate) fn has_text(&self) -> bool {
        let is_text = |column: &Column| matches!(column.kind, Kind::Text);
        match self {
            Self::AddColumn { column, .. } => is_text(column),
            Self::CreateTable(table) => table.columns.iter().any(is_text),
            _ => false,
        }
    }
}

/// Sorts the steps so that nothing is used before it exists. A key between new tables that refer to each other is added
/// once both exist.
pub(super) fn sort(steps: &mut Vec<Step>) {
    let keyed: BTreeSet<String> = steps
        .iter()
        .filter_map(|step| if let Step::AddUnique { table, .. } = step { Some(table.clone()) } else { None })
        .collect();
    let refers_to_keyed = |step: &Step| matches!(step, Step::CreateTable(table) if table.keys.iter().any(|key| keyed.contains(&key.parent)));
    let are_late = steps.iter().any(refers_to_keyed);
    let rank = |step: &Step| match step {
        Step::AddValues(_) => 0,
        Step::CreateEnum(_) => 1,
        Step::AddColumn { .. } if step.mode() == Mode::Create => 2,
        Step::CreateTable(_) if !are_late => 3,
        Step::AddColumn { .. } => 4,
        Step::AddUnique { .. } => 5,
        Step::CreateTable(_) => 6,
        Step::AddReference { .. } => 7,
        Step::AddIndex { .. } => 8,
    };
    steps.sort_by_key(rank);
    let is_table = |step: &Step| matches!(step, Step::CreateTable(_));
    let start = steps.iter().position(is_table).unwrap_or(steps.len());
    let end = steps.iter().rposition(is_table).map_or(start, |last| last + 1);
    let mut pending: Vec<NewTable> = steps
        .drain(start..end)
        .filter_map(|step| if let Step::CreateTable(table) = step { Some(table) } else { None })
        .collect();
    let (mut sorted, mut late) = (Vec::new(), Vec::new());
    while !pending.is_empty() {
        let waits = |table: &NewTable, key: &Key| {
            key.parent != table.name && pending.iter().any(|other| other.name == key.parent)
        };
        let next = pending.iter().position(|table| !table.keys.iter().any(|key| waits(table, key)));
        let mut table = pending.remove(next.unwrap_or(0));
        for key in std::mem::take(&mut table.keys) {
            if key.parent != table.name && pending.iter().any(|other| other.name == key.parent) {
                late.push(Step::AddReference { table: table.name.clone(), key });
            } else {
                table.keys.push(key);
            }
        }
        sorted.push(Step::CreateTable(table));
    }
    sorted.extend(late);
    steps.splice(start..start, sorted);
}
