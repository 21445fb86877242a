//! Which migrations are applied, and since when.

use crate::Migrator;
use chrono::{DateTime, Utc};
use comfy_table::{Table, presets};
use sea_orm_migration::prelude::MigratorTrait;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityTrait, Statement};
use sea_orm_migration::seaql_migrations;
use std::collections::BTreeMap;

/// Where one migration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Applied at that time.
    Applied(DateTime<Utc>),
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
    let mut applied = BTreeMap::new();
    if ledger_exists(db).await? {
        for row in seaql_migrations::Entity::find().all(db).await? {
            applied.insert(row.version, DateTime::from_timestamp(row.applied_at, 0).unwrap_or_default());
        }
    }
    Ok(merge(applied))
}

async fn ledger_exists(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let backend = db.get_database_backend();
    // Not information_schema: it hides the table from a login without privileges, which is not its absence.
    let sql = match backend {
        DbBackend::Postgres => "select to_regclass('seaql_migrations') is not null as found",
        _ => "select exists (select 1 from sqlite_schema where name = 'seaql_migrations') as found",
    };
    let row = db.query_one_raw(Statement::from_string(backend, sql)).await?;
    row.map_or(Ok(false), |row| row.try_get("", "found"))
}

/// Every migration of this build as pending: what a database that is not there has.
pub(crate) fn all_pending() -> Vec<Status> {
    merge(BTreeMap::new())
}

fn merge(mut applied: BTreeMap<String, DateTime<Utc>>) -> Vec<Status> {
    let mut list: Vec<Status> = Migrator::migrations()
        .iter()
        .map(|migration| {
            let name = migration.name().to_owned();
            let state = applied.remove(&name).map_or(State::Pending, State::Applied);
            Status { name, state }
        })
        .collect();
    list.extend(applied.into_iter().map(|(name, at)| Status { name, state: State::Unknown(at) }));
    list.sort_by(|a, b| a.name.cmp(&b.name));
    list
}

/// The list as a table for people.
pub(crate) fn render(list: &[Status]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["migration", "state", "applied at (UTC)"]);
    for Status { name, state } in list {
        let (word, at) = match state {
            State::Applied(at) => ("applied", Some(at)),
            State::Pending => ("pending", None),
            State::Unknown(at) => ("applied, unknown to this build", Some(at)),
        };
        let at = at.map(|at| at.format("%Y-%m-%d %H:%M:%S").to_string());
        table.add_row([name.as_str(), word, at.as_deref().unwrap_or("")]);
    }
    table.trim_fmt()
}
