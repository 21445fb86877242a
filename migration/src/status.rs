//! The states of the migrations.

use crate::Emitted;
use crate::emitted::Accepted;
use crate::error::code;
use crate::ledger::{self, Entry};
use crate::online::backfill::rows_left;
use crate::online::progress;
use crate::options::Rows;
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
    /// The rows of a pending backfill; `None` for any other migration, and while its columns do not exist.
    pub rows: Option<Rows>,
}

impl Status {
    fn new(name: &str, state: State) -> Self {
        Self { name: name.to_owned(), state, difference: None, rows: None }
    }
}

/// Reads the ledger, which need not exist, and changes nothing.
pub(crate) async fn read<M: MigratorTrait>(
    db: &impl ConnectionTrait,
    accepted: &[Accepted],
) -> Result<Vec<Status>, DbErr> {
    let mut applied = ledger::read(db).await?;
    let mut list = Vec::new();
    for migration in M::migrations() {
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
        list.push(Status { difference, ..Status::new(migration.name(), state) });
    }
    let unknown = applied.into_iter().map(|(name, entry)| (name, State::Unknown(entry.applied_at)));
    list.extend(unknown.map(|(name, state)| Status::new(&name, state)));
    list.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(list)
}

/// Every migration of this build as pending, for a database that does not exist.
pub(crate) fn all_pending<M: MigratorTrait>() -> Vec<Status> {
    M::migrations().iter().map(|migration| Status::new(migration.name(), State::Pending)).collect()
}

/// Counts the rows of the pending backfills.
pub(crate) async fn count<M: MigratorTrait>(
    db: &impl ConnectionTrait,
    list: &mut [Status],
) -> Result<(), DbErr> {
    let progress = progress::read(db).await?;
    let migrations = M::migrations();
    for status in list.iter_mut().filter(|status| status.state == State::Pending) {
        let Some(migration) = migrations.iter().find(|migration| migration.name() == status.name) else {
            continue;
        };
        let emitted = Emitted::by(migration.as_ref()).await?;
        let left = match rows_left(db, &emitted.of(db.get_database_backend()).up).await {
            // A column of an expand step that is pending as well, or a table that this login may not read.
            Err(error) if code(&error).is_some() => None,
            left => left?,
        };
        let done = progress.as_ref().filter(|(name, _)| *name == status.name).map_or(0, |(_, done)| *done);
        status.rows = left.map(|left| Rows { done, left });
    }
    Ok(())
}

/// Formats the list as a table.
pub(crate) fn render(list: &[Status]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["migration", "state", "applied at (UTC)"]);
    for Status { name, state, difference: _, rows } in list {
        let (word, at) = match (state, rows) {
            (State::Applied(at), _) => ("applied".to_owned(), Some(at)),
            (State::Changed(at), _) => ("applied, changed since".to_owned(), Some(at)),
            (State::Pending, None) => ("pending".to_owned(), None),
            (State::Pending, Some(Rows { done, left })) => {
                (format!("pending, {done} rows filled, {left} left"), None)
            }
            (State::Unknown(at), _) => ("applied, unknown to this build".to_owned(), Some(at)),
        };
        let at = at.map(|at| at.format("%Y-%m-%d %H:%M:%S").to_string());
        table.add_row([name.as_str(), word.as_str(), at.as_deref().unwrap_or("")]);
    }
    table.trim_fmt()
}
