//! Which migrations are applied, and since when.

use crate::ledger::{self, Entry};
use crate::{Emitted, Migrator};
use chrono::{DateTime, Utc};
use comfy_table::{Table, presets};
use sea_orm_migration::prelude::MigratorTrait;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbErr};

/// Where one migration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Applied at that time.
    Applied(DateTime<Utc>),
    /// Applied at that time, when it executed something else than it does in this build.
    Changed(DateTime<Utc>),
    /// Not applied yet.
    Pending,
    /// Applied at that time, by a build that knew a migration this one does not.
    Unknown(DateTime<Utc>),
}

/// One migration and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The migration's name.
    pub name: String,
    /// Where it stands.
    pub state: State,
}

/// Reads the ledger, which may not be there, and changes nothing.
pub(crate) async fn read(db: &impl ConnectionTrait) -> Result<Vec<Status>, DbErr> {
    let mut applied = ledger::read(db).await?;
    let mut list = Vec::new();
    for migration in Migrator::migrations() {
        let state = match applied.remove(migration.name()) {
            None => State::Pending,
            Some(Entry { applied_at, digest: None }) => State::Applied(applied_at),
            Some(Entry { applied_at, digest: Some(digest) }) => match Emitted::by(migration.as_ref()).await {
                Ok(emitted) if emitted.digest() == digest => State::Applied(applied_at),
                _ => State::Changed(applied_at),
            },
        };
        list.push(Status { name: migration.name().to_owned(), state });
    }
    let unknown = applied.into_iter().map(|(name, entry)| (name, State::Unknown(entry.applied_at)));
    list.extend(unknown.map(|(name, state)| Status { name, state }));
    list.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(list)
}

/// Every migration of this build as pending: what a database that is not there has.
pub(crate) fn all_pending() -> Vec<Status> {
    let migrations = Migrator::migrations();
    let names = migrations.iter().map(|migration| migration.name().to_owned());
    names.map(|name| Status { name, state: State::Pending }).collect()
}

/// The list as a table for people.
pub(crate) fn render(list: &[Status]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["migration", "state", "applied at (UTC)"]);
    for Status { name, state } in list {
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
