//! The states of the migrations.

use crate::emitted::Accepted;
use crate::ledger::{self, Entry};
use crate::{Emitted, Migrator};
use chrono::{DateTime, Utc};
use comfy_table::{Table, presets};
use sea_orm_migration::prelude::MigratorTrait;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbErr};

/// The state of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Applied at that time.
    Applied(DateTime<Utc>),
    /// Applied at that time, with other statements than this build's.
    Changed(DateTime<Utc>),
    /// Not applied yet.
    Pending,
    /// Applied at that time by another build; this one does not have it.
    Unknown(DateTime<Utc>),
}

/// A migration and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The migration's name.
    pub name: String,
    /// Its state.
    pub state: State,
    /// A description of the first statement that differs, for a changed migration.
    pub difference: Option<String>,
}

/// Reads the ledger, which need not exist, and changes nothing.
pub(crate) async fn read(db: &impl ConnectionTrait, accepted: &[Accepted]) -> Result<Vec<Status>, DbErr> {
    let mut applied = ledger::read(db).await?;
    let mut list = Vec::new();
    for migration in Migrator::migrations() {
        let (state, difference) = match applied.remove(migration.name()) {
            None => (State::Pending, None),
            Some(Entry { applied_at, digest: None, duration: _ }) => (State::Applied(applied_at), None),
            Some(Entry { applied_at, digest: Some(record), duration: _ }) => {
                let emitted = Emitted::by(migration.as_ref()).await?;
                match emitted.difference(db.get_database_backend(), &record, accepted) {
                    None => (State::Applied(applied_at), None),
                    difference => (State::Changed(applied_at), difference),
                }
            }
        };
        list.push(Status { name: migration.name().to_owned(), state, difference });
    }
    let unknown = applied.into_iter().map(|(name, entry)| (name, State::Unknown(entry.applied_at)));
    list.extend(unknown.map(|(name, state)| Status { name, state, difference: None }));
    list.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(list)
}

/// Every migration of this build as pending, for a database that does not exist.
pub(crate) fn all_pending() -> Vec<Status> {
    let migrations = Migrator::migrations();
    let names = migrations.iter().map(|migration| migration.name().to_owned());
    names.map(|name| Status { name, state: State::Pending, difference: None }).collect()
}

/// Formats the list as a table.
pub(crate) fn render(list: &[Status]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["migration", "state", "applied at (UTC)"]);
    for Status { name, state, difference: _ } in list {
        let (word, at) = match state {
            State::Applied(at) => ("applied", Some(at)),
            State::Changed(at) => ("applied, changed since", Some(at)),
            State::Pending => ("pending", None),
            State::Unknown(at) => ("applied, unknown to this build", Some(at)),
        };
        let at = at.map(|at| at.format("%Y-%m-%d %H:%M:%S").to_string());
        table.add_row([name.as_str(), word, at.as_deref().unwrap_or("")]);
    }
    table.trim_fmt()
}
