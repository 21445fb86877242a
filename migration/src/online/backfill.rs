//! Backfills: updates of many rows in batches that commit one by one.

use super::progress::{self, Progress};
use super::run::Run;
use super::throttle::Throttle;
use crate::ddl::{execute, is_postgres, literal, quote};
use crate::options::{Event, Rows};
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::prelude::Uuid;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, Statement};
use std::time::{Duration, Instant};

/// The time that a batch should take at most. A writer of one of its rows waits for so long, far below the lock timeout.
const TARGET: Duration = Duration::from_millis(100);

/// The rows of the first batch. The next one has half as many rows if a batch took longer than 100 ms, and twice as
/// many if it took less than half of it.
pub const FIRST_BATCH: usize = 500;

/// The smallest batch: below it, the time is not that of its rows.
const SMALLEST_BATCH: usize = 10;

/// The largest batch: the WAL of one is sent to standbys at once.
const LARGEST_BATCH: usize = 5000;

/// The shortest time between two events of progress.
const REPORT: Duration = Duration::from_secs(5);

/// How the count of pending rows begins. What a migration executes is recorded, and `status` finds the count by it.
const COUNT: &str = "select count(*) as rows_left from ";

/// An update of the rows of a table that meet a condition, which they no longer meet afterwards.
///
/// Its migration has no transaction: `use_transaction` returns `Some(false)`. Each batch is one statement and commits
/// by itself. It skips rows that another session has locked, so that it neither waits for a writer while it holds
/// locks nor deadlocks with one; they are filled at the end. An interrupted backfill continues after its last batch
/// with the next `up`. On SQLite it is one statement.
#[derive(Clone, Debug)]
pub struct Backfill {
    table: &'static str,
    set: String,
    pending: String,
}

/// Whether a batch skips the rows that other sessions have locked, or waits for a single one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Locked {
    /// So many rows at most.
    Skip(usize),
    WaitForOne,
}

/// What a batch did.
struct Batch {
    filled: i64,
    last: Uuid,
}

impl Backfill {
    /// An update of `table`, `set column = …`, where `pending` is true. The primary key of the table is the `uuid`
    /// `id`.
    #[must_use]
    pub fn new(table: &'static str, set: &str, pending: &str) -> Self {
        Self { table, set: set.to_owned(), pending: pending.to_owned() }
    }

    /// Fills every pending row.
    ///
    /// # Errors
    /// A statement fails, a row is locked for longer than the lock timeout, or a filled row is still pending. What was
    /// filled before stays.
    pub async fn run(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let Self { table, set, pending } = self;
        let table = quote(table);
        let count =
            Statement::from_string(manager.get_database_backend(), format!("{COUNT}{table} where {pending}"));
        let left = db.query_one_raw(count).await?.map_or(Ok(0), |row| row.try_get("", "rows_left"))?;
        let run = Run::current();
        if !is_postgres(manager) {
            execute(manager, &format!("update {table} set {set} where {pending}")).await?;
            report(run.as_ref(), Rows { done: left, left: 0 });
            return Ok(());
        }
        if !matches!(db, SchemaManagerConnection::Connection(_)) {
            return Err(DbErr::Migration(format!(
                "the backfill of {table} is in a transaction, which would hold its locks until the last batch; let \
                 `use_transaction` of its migration return `Some(false)`"
            )));
        }
        self.fill(db, run, left).await
    }

    /// Walks along the primary key, so that no batch reads what an earlier one has read, and starts again while rows
    /// are left that were locked or have been written meanwhile.
    async fn fill(&self, db: &impl ConnectionTrait, run: Option<Run>, left: i64) -> Result<(), DbErr> {
        let run = run.filter(|_| left > 0);
        let mut progress = match &run {
            Some(run) => progress::begin(db, &run.migration).await?,
            None => Progress::default(),
        };
        let mut throttle = run.clone().map(Throttle::new);
        let total = progress.done + left;
        let mut reported = Instant::now();
        let mut filled_since_start = !progress.last.is_nil();
        let mut size = FIRST_BATCH;
        loop {
            if let Some(throttle) = &mut throttle {
                throttle.pause(db).await?;
            }
            let began = Instant::now();
            let batch = self.batch(db, run.as_ref(), progress.last, Locked::Skip(size)).await?;
            size = next_size(size, began.elapsed());
            let batch = match batch {
                None if !self.is_pending(db).await? => break,
                None if filled_since_start => {
                    progress.last = Uuid::nil();
                    filled_since_start = false;
                    continue;
                }
                None => self.batch(db, run.as_ref(), Uuid::nil(), Locked::WaitForOne).await?,
                batch => batch,
            };
            let Some(Batch { filled, last }) = batch else { continue };
            progress = Progress { last, done: progress.done + filled };
            filled_since_start = true;
            if reported.elapsed() >= REPORT {
                // More rows than were counted may have been written meanwhile.
                let left = Ord::max(total - progress.done, 0);
                report(run.as_ref(), Rows { done: progress.done, left });
                reported = Instant::now();
            }
        }
        report(run.as_ref(), Rows { done: progress.done, left: 0 });
        Ok(())
    }

    /// Fills rows after `last` in the order of their ids; `None` if there is none.
    async fn batch(
        &self,
        db: &impl ConnectionTrait,
        run: Option<&Run>,
        last: Uuid,
        locked: Locked,
    ) -> Result<Option<Batch>, DbErr> {
        let Self { table, set, pending } = self;
        let table = quote(table);
        let (limit, skip) = match locked {
            Locked::Skip(size) => (size, " skip locked"),
            Locked::WaitForOne => (1, ""),
        };
        // In the same statement, so that it commits with the batch.
        let progress = "), progress as (\
             update backfill_progress set last_id = (select id from batch order by id desc limit 1), \
                 rows_done = rows_done + (select count(*) from batch), updated_at = now() \
             where migration = $2 and exists (select from batch)";
        let progress = if run.is_some() { progress } else { "" };
        let sql = format!(
            "with batch as (\
                 select id from {table} where id > $1 and ({pending}) order by id limit {limit} \
                 for no key update{skip}\
             ), updated as (\
                 update {table} set {set} where id in (select id from batch) returning ({pending}) as is_pending\
             {progress}) \
             select count(*) as filled, count(*) filter (where is_pending) as unchanged, \
                 (select id from batch order by id desc limit 1) as last from updated"
        );
        let values = std::iter::once(last.into()).chain(run.map(|run| run.migration.as_str().into()));
        let row = db.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
        let Some(row) = row else { return Ok(None) };
        let unchanged: i64 = row.try_get("", "unchanged")?;
        if unchanged > 0 {
            return Err(DbErr::Migration(format!(
                "{unchanged} rows of {table} still meet `{pending}` after they were set to `{set}`, so that the \
                 backfill would not end; correct one of the two in its migration"
            )));
        }
        let last: Option<Uuid> = row.try_get("", "last")?;
        let filled = row.try_get("", "filled")?;
        Ok(last.map(|last| Batch { filled, last }))
    }

    /// Refuses a contract step while a row is pending. `migration` is the backfill's.
    ///
    /// It reads the table, so it is executed before the statements that lock it. The trigger of the expand step
    /// prevents that a row becomes pending in between. Where a column of the condition does not exist any more, the
    /// contract step has been executed before, and nothing is pending.
    ///
    /// # Errors
    /// A row is pending, or the statement fails.
    pub async fn require_complete(
        &self,
        manager: &SchemaManager<'_>,
        migration: &dyn MigrationTrait,
    ) -> Result<(), DbErr> {
        let Self { table, set: _, pending } = self;
        let problem = format!(
            "the backfill {} is not complete: the table {table} has rows where {pending}",
            migration.name()
        );
        let remedy = "roll back to it with down, and fill them with up";
        if is_postgres(manager) {
            // An error of the query would end the transaction, so the server looks at the column's absence.
            let sql = format!(
                "do $$ begin\n\
                     if exists (select from {} where {pending}) then\n\
                         raise exception using message = {}, hint = {};\n\
                     end if;\n\
                 exception when undefined_column then null; end $$",
                quote(table),
                literal(&problem),
                literal(remedy)
            );
            return execute(manager, &sql).await;
        }
        match self.is_pending(manager.get_connection()).await {
            Ok(true) => Err(DbErr::Migration(format!("{problem}; {remedy}"))),
            Err(error) if !error.to_string().contains("no such column") => Err(error),
            _ => Ok(()),
        }
    }

    async fn is_pending(&self, db: &impl ConnectionTrait) -> Result<bool, DbErr> {
        let sql = format!("select true as pending from {} where {} limit 1", quote(self.table), self.pending);
        Ok(db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?.is_some())
    }
}

/// The rows of the batch after one of `size` rows that took so long.
fn next_size(size: usize, took: Duration) -> usize {
    let next = match took {
        took if took > TARGET => size / 2,
        took if took < TARGET / 2 => size * 2,
        _ => size,
    };
    next.clamp(SMALLEST_BATCH, LARGEST_BATCH)
}

fn report(run: Option<&Run>, rows: Rows) {
    if let Some(run) = run
        && rows != (Rows { done: 0, left: 0 })
    {
        (run.report)(&Event::Backfilled { migration: &run.migration, rows });
    }
}

/// Counts the rows that the backfills of a recorded script still have to fill; `None` if it has no backfill.
pub(crate) async fn rows_left(db: &impl ConnectionTrait, script: &[String]) -> Result<Option<i64>, DbErr> {
    let mut left = None;
    for count in script.iter().filter(|statement| statement.starts_with(COUNT)) {
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), count)).await?;
        let rows: i64 = row.map_or(Ok(0), |row| row.try_get("", "rows_left"))?;
        left = Some(left.unwrap_or(0) + rows);
    }
    Ok(left)
}
