//! A run: what is missing is generated in parallel and written, each chunk in one transaction.

use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use comfy_table::{CellAlignment, Table, presets};
use database::{AdminTx, Database, Mark};
use entity::{contacts, id::ContactId, organizations, users};
use environment::{Action, Place, permit};
use futures_util::future::try_join_all;
use indicatif::HumanCount;
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _};
use sqlx::postgres::PgConnectOptions;

use super::{
    copy::{Encoded, Outside, RunLock, Writer},
    keys,
    parameters::Parameters,
    plan::{Chunk, Plan},
    progress::{Progress, TABLES},
    rows::{self, Rows},
    story::first_contact,
};
use crate::{Error, Target};

/// A write waits for another writer; a transaction that has already read could not.
const LOCK_OF_SQLITE: &str = "update users set id = id where false";

/// What a run requires of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It is empty.
    Empty,
    /// It may contain data, but not this run.
    Append,
    /// It contains a part of this run, or nothing.
    Resume,
}

/// The rows that a run wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The tables, with the number of rows and the time that all connections spent on them.
    pub tables: Vec<(&'static str, u64, Duration)>,
    /// The number of connections that wrote.
    pub connections: usize,
    /// The time from the first row to the last commit.
    pub elapsed: Duration,
    /// The time to vacuum and analyze the tables.
    pub analyzed: Duration,
}

/// A part of a run, which is one transaction.
#[derive(Clone, Copy, Debug)]
enum Job {
    Organization(usize),
    Chunk(Chunk),
}

impl Job {
    fn rows(self, plan: &Plan) -> Vec<Box<dyn Rows>> {
        match self {
            Self::Organization(place) => rows::of_organization(plan, place),
            Self::Chunk(chunk) => rows::of_chunk(plan, chunk),
        }
    }

    /// The rows, and the keys that refer to other rows.
    fn encode(self, plan: &Plan) -> Result<(Vec<Encoded>, Vec<Outside>), Error> {
        let rows = self.rows(plan);
        let encoded = rows.iter().filter(|rows| rows.count() > 0).map(|rows| rows.encode());
        Ok((encoded.collect::<Result<_, _>>()?, keys::outside(&rows)))
    }
}

/// What a run has to do.
struct Work {
    organizations: Vec<Job>,
    chunks: Vec<Job>,
    contacts: i64,
}

/// Generates the data of these parameters, or what is missing of them. `stop` ends the run after the chunks under way.
///
/// # Errors
/// The database is marked as production, does not satisfy `start` or fails, another run works on it, or the run was stopped.
pub async fn generate(
    target: &Target,
    parameters: &Parameters,
    start: Start,
    connections: usize,
    stop: &AtomicBool,
) -> Result<Summary, Error> {
    let plan = Arc::new(Plan::new(parameters));
    let database = target.connect().await?;
    let run = Run { target, parameters, plan, start, stop };
    match target.postgres() {
        Some(options) => run.postgres(&database, options, connections).await,
        None => run.sqlite(&database).await,
    }
}

struct Run<'a> {
    target: &'a Target,
    parameters: &'a Parameters,
    plan: Arc<Plan>,
    start: Start,
    stop: &'a AtomicBool,
}

impl Run<'_> {
    async fn postgres(
        &self,
        database: &Database,
        options: &PgConnectOptions,
        connections: usize,
    ) -> Result<Summary, Error> {
        let tx = self.begin(database).await?;
        let mut lock = RunLock::acquire(self.target, options).await?;
        let work = self.work(&tx).await?;
        commit(tx).await?;
        let progress = Progress::new(work.contacts.unsigned_abs());
        let mut writers = Vec::new();
        let connections = connections.clamp(1, work.chunks.len().max(work.organizations.len()).max(1));
        for _ in 0..connections {
            writers.push(Writer::connect(self.target, options).await?);
        }
        let organizations = &work.organizations;
        if database.is_distributed() {
            let result = self.insert_organizations(database, organizations, &progress).await;
            if result.is_err() {
                progress.finish();
            }
            result?;
        } else {
            self.copy(&mut writers, organizations, &progress).await?;
            // Not before: triggers write the audit trail of organizations. On Citus the setting does not reach the workers.
            for writer in &mut writers {
                writer.check_keys_once().await?;
            }
        }
        self.copy(&mut writers, &work.chunks, &progress).await?;
        drop(writers);
        let elapsed = progress.elapsed();
        self.refuse_if_stopped(&progress, &work)?;
        progress.note("vacuum and analyze");
        lock.analyze(&TABLES).await?;
        progress.finish();
        Ok(summary(&progress, elapsed, connections))
    }

    /// Inserts organizations with what is not of a contact, each in one transaction. `COPY` into a reference table of Citus holds
    /// the connection to a node on which the audit trigger of its rows has to insert the entry.
    async fn insert_organizations(
        &self,
        database: &Database,
        jobs: &[Job],
        progress: &Progress,
    ) -> Result<(), Error> {
        for job in jobs {
            if self.is_stopped() {
                break;
            }
            let tx = database.admin().await.map_err(|error| Error::transaction(&error))?;
            self.insert(*job, &tx, progress).await?;
            commit(tx).await?;
        }
        Ok(())
    }

    async fn insert(&self, job: Job, tx: &AdminTx, progress: &Progress) -> Result<(), Error> {
        for mut rows in job.rows(&self.plan) {
            let (count, began) = (rows.count(), Instant::now());
            rows.insert(tx).await?;
            progress.add(rows.table(), count, began.elapsed());
        }
        Ok(())
    }

    /// Writes the rows of the jobs with all connections.
    async fn copy(&self, writers: &mut [Writer], jobs: &[Job], progress: &Progress) -> Result<(), Error> {
        let next = AtomicUsize::new(0);
        let result =
            try_join_all(writers.iter_mut().map(|writer| self.write(writer, jobs, &next, progress))).await;
        if result.is_err() {
            progress.finish();
        }
        result.map(|_| ())
    }

    /// Takes one job after the other. The next one is generated while the last one is written.
    async fn write(
        &self,
        writer: &mut Writer,
        jobs: &[Job],
        next: &AtomicUsize,
        progress: &Progress,
    ) -> Result<(), Error> {
        let take = || {
            let job = jobs.get(next.fetch_add(1, Ordering::Relaxed)).copied();
            job.filter(|_| !self.is_stopped()).map(|job| {
                let plan = Arc::clone(&self.plan);
                tokio::task::spawn_blocking(move || job.encode(&plan))
            })
        };
        let mut generated = take();
        while let Some(tables) = generated {
            let began = Instant::now();
            let tables = tables.await.map_err(|_| Error::Thread)??;
            generated = take();
            writer.write(&tables, began, progress).await?;
        }
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "`analyze` has no builder")]
    async fn sqlite(&self, database: &Database) -> Result<Summary, Error> {
        let tx = self.begin(database).await?;
        let work = self.work(&tx).await?;
        let progress = Progress::new(work.contacts.unsigned_abs());
        for job in work.organizations.iter().chain(&work.chunks) {
            if self.is_stopped() {
                break;
            }
            self.insert(*job, &tx, &progress).await?;
        }
        let analyze = tx.execute_unprepared("analyze").await;
        analyze.map_err(|error| Error::database("the statistics", &error))?;
        commit(tx).await?;
        let elapsed = progress.elapsed();
        self.refuse_if_stopped(&progress, &work)?;
        progress.finish();
        Ok(summary(&progress, elapsed, 1))
    }

    /// Begins a transaction on a database that is not marked as production.
    #[expect(clippy::disallowed_methods, reason = "a table lock has no builder")]
    async fn begin(&self, database: &Database) -> Result<AdminTx, Error> {
        let failed = |error| Error::transaction(&error);
        let tx = database.admin().await.map_err(failed)?;
        if let Some(name) = tx.marked_as_production().await.map_err(failed)? {
            let target = format!("PostgreSQL database \"{name}\"");
            permit(Action::LoadFixtures, Place::Local, None, Mark::Production, &target)?;
        }
        if self.target.postgres().is_none() {
            tx.execute_unprepared(LOCK_OF_SQLITE).await.map_err(|error| failed(error.into()))?;
        }
        Ok(tx)
    }

    /// Finds out what is missing, and refuses a database that does not satisfy the start.
    async fn work(&self, tx: &AdminTx) -> Result<Work, Error> {
        let failed = |error| Error::database("organizations", &error);
        let plan = &self.plan;
        let ids = plan.organizations.iter().map(|organization| organization.row.id);
        let found = organizations::Entity::find()
            .filter(organizations::Column::Id.is_in(ids))
            .select_only()
            .column(organizations::Column::Id)
            .into_tuple()
            .all(tx)
            .await
            .map_err(failed)?;
        let found: HashSet<entity::id::OrganizationId> = found.into_iter().collect();
        let target = || self.target.to_string();
        match self.start {
            Start::Empty | Start::Append if !found.is_empty() => {
                return Err(Error::Present { target: target(), parameters: self.parameters.to_string() });
            }
            Start::Empty if !is_empty(tx).await? => {
                return Err(Error::Filled { target: target(), runs: runs(tx).await? });
            }
            Start::Resume if found.is_empty() && !is_empty(tx).await? => {
                let parameters = self.parameters.to_string();
                return Err(Error::NotBegun { target: target(), parameters, runs: runs(tx).await? });
            }
            _ => {}
        }
        let is_missing = |place: &usize| !found.contains(&plan.organizations[*place].row.id);
        let organizations = (0..plan.organizations.len()).filter(is_missing).map(Job::Organization).collect();
        let mut written: HashSet<ContactId> = HashSet::new();
        let firsts: Vec<(ContactId, Chunk)> =
            plan.chunks.iter().map(|chunk| (first_contact(plan, *chunk), *chunk)).collect();
        if !found.is_empty() {
            for firsts in firsts.chunks(10_000) {
                let rows = contacts::Entity::find()
                    .filter(contacts::Column::Id.is_in(firsts.iter().map(|(id, _)| *id)))
                    .select_only()
                    .column(contacts::Column::Id)
                    .into_tuple::<ContactId>()
                    .all(tx)
                    .await;
                written.extend(rows.map_err(|error| Error::database("contacts", &error))?);
            }
        }
        let missing: Vec<Chunk> =
            firsts.into_iter().filter(|(id, _)| !written.contains(id)).map(|(_, chunk)| chunk).collect();
        let contacts = missing.iter().map(|chunk| chunk.contacts.1 - chunk.contacts.0).sum();
        Ok(Work { organizations, chunks: missing.into_iter().map(Job::Chunk).collect(), contacts })
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn refuse_if_stopped(&self, progress: &Progress, work: &Work) -> Result<(), Error> {
        let rows = progress.rows();
        let of =
            |table| TABLES.iter().zip(rows).find(|(name, _)| **name == table).map_or(0, |(_, rows)| rows);
        let missing = work.contacts.unsigned_abs() - of("contacts");
        if !self.is_stopped() || (missing == 0 && of("organizations") >= work.organizations.len() as u64) {
            return Ok(());
        }
        progress.finish();
        let total = self.parameters.contacts.unsigned_abs();
        let holds = format!(
            "the {} holds {} of {} contacts of this run, each with everything that belongs to it",
            self.target,
            HumanCount(total - missing),
            HumanCount(total)
        );
        let command = format!("cargo run --release -p seeder -- generate {} --resume", self.parameters);
        Err(Error::Interrupted { holds, command })
    }
}

async fn commit(tx: AdminTx) -> Result<(), Error> {
    tx.commit().await.map_err(|error| Error::transaction(&error))
}

fn summary(progress: &Progress, elapsed: Duration, connections: usize) -> Summary {
    let tables = TABLES.into_iter().zip(progress.rows()).zip(progress.times());
    let tables = tables.map(|((table, rows), time)| (table, rows, time)).collect();
    Summary { tables, connections, elapsed, analyzed: progress.elapsed().saturating_sub(elapsed) }
}

async fn is_empty(tx: &AdminTx) -> Result<bool, Error> {
    let organization = organizations::Entity::find().one(tx).await;
    let user = users::Entity::find().one(tx).await;
    Ok(organization.map_err(|error| Error::database("organizations", &error))?.is_none()
        && user.map_err(|error| Error::database("users", &error))?.is_none())
}

/// The parameters of the runs in the database, as the end of a message.
async fn runs(tx: &AdminTx) -> Result<String, Error> {
    let rows = organizations::Entity::find().limit(1000).all(tx).await;
    let mut runs: Vec<String> = rows
        .map_err(|error| Error::database("organizations", &error))?
        .into_iter()
        .filter_map(|row| row.metadata.0.get("generated")?.as_str().map(str::to_owned))
        .collect();
    runs.sort();
    runs.dedup();
    Ok(if runs.is_empty() { String::new() } else { format!(". It contains: {}", runs.join("; ")) })
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tables, connections, elapsed, analyzed } = self;
        let rate = |rows: u64, time: Duration| {
            let rate = u128::from(rows) * 1_000_000 / time.as_micros().max(1);
            HumanCount(u64::try_from(rate).unwrap_or(u64::MAX)).to_string()
        };
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(["table", "rows", "rows/s"]);
        let total: u64 = tables.iter().map(|(_, rows, _)| rows).sum();
        for (name, rows, time) in tables {
            // The share of the run in which the connections wrote this table.
            let time = *time / u32::try_from(*connections).unwrap_or(1);
            table.add_row([(*name).to_owned(), HumanCount(*rows).to_string(), rate(*rows, time)]);
        }
        table.add_row(["total".to_owned(), HumanCount(total).to_string(), rate(total, *elapsed)]);
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(f, "{}", table.trim_fmt())?;
        write!(
            f,
            "{} rows in {:.1} s; vacuumed and analyzed in {:.1} s",
            HumanCount(total),
            elapsed.as_secs_f64(),
            analyzed.as_secs_f64()
        )
    }
}
