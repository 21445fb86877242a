//! The commands, on one connection: one lock, and one transaction per migration.

use crate::connect::{self, Purpose};
use crate::emitted::Accepted;
use crate::error::{code, sqlx_error};
use crate::history::{self, Applied};
use crate::keys::{self, Change, Key};
use crate::online::progress;
use crate::online::run::Run;
use crate::options::{Event, Options};
use crate::status::{self, State, Status};
use crate::target::Server;
use crate::{AppEnv, Emitted, Error, Mark, Migrator, Target, annotations, ledger, lock, mark};
use environment::{Action, permit};
use sea_orm_migration::IntoSchemaManagerConnection;
use sea_orm_migration::prelude::MigratorTrait;
use sea_orm_migration::sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use std::marker::PhantomData;
use std::time::{Duration, Instant};

/// The number of attempts for a migration that cannot get its locks.
const ATTEMPTS: u32 = 5;

/// The pause after the first failed attempt; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);

/// The direction in which one step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

/// One run of the migrator against one database.
///
/// On PostgreSQL it holds an advisory lock while it changes anything, and each migration has its own transaction. On SQLite the whole run is one immediate transaction, which is the lock as well.
///
/// `M` lists the migrations, by default those of this workspace.
#[derive(Debug)]
pub struct Session<M = Migrator> {
    target: Target,
    options: Options,
    migrations: PhantomData<fn() -> M>,
}

impl Session {
    /// A session on `target` with the migrations of this workspace. It connects when it is used.
    #[must_use]
    pub fn new(target: Target, options: Options) -> Self {
        Self::of(target, options)
    }
}

impl<M: MigratorTrait> Session<M> {
    /// A session on `target` with the migrations of `M`. It connects when it is used.
    #[must_use]
    pub fn of(target: Target, options: Options) -> Self {
        Self { target, options, migrations: PhantomData }
    }

    /// Applies pending migrations, all or the first `steps`, and returns how many there were.
    ///
    /// # Errors
    /// See [`Error`]. The migration that failed leaves nothing behind; those before it stay applied on
    /// PostgreSQL, and are rolled back as well on SQLite.
    pub async fn up(&self, steps: Option<u32>) -> Result<usize, Error> {
        self.run(Work::Up(steps)).await
    }

    /// Rolls back applied migrations, the newest first, all or `steps` of them, and returns how many.
    ///
    /// # Errors
    /// See [`Error`], and [`Session::up`] for the state after a failure.
    pub async fn down(&self, steps: Option<u32>) -> Result<usize, Error> {
        self.run(Work::Down(steps)).await
    }

    /// Rolls back everything and applies it again.
    ///
    /// # Errors
    /// See [`Session::down`].
    pub async fn refresh(&self) -> Result<usize, Error> {
        self.run(Work::Refresh).await
    }

    /// Drops every table, view and type of the schema, and applies all migrations. On PostgreSQL, objects of extensions
    /// remain; on SQLite, views do.
    ///
    /// # Errors
    /// See [`Session::up`].
    pub async fn fresh(&self) -> Result<usize, Error> {
        self.run(Work::Fresh).await
    }

    /// Returns the state of each migration. It changes nothing, and creates no SQLite file.
    ///
    /// # Errors
    /// The database cannot be reached or the ledger not read.
    pub async fn status(&self) -> Result<Vec<Status>, Error> {
        if let Server::Sqlite(file) = &self.target.server
            && !file.get_filename().exists()
        {
            return Ok(status::all_pending::<M>());
        }
        let db = connect::connect(&self.target, &self.options, Purpose::Look).await?;
        let mut list = self.standings(&db).await?;
        let counted = status::count::<M>(&db, &mut list).await;
        counted.map_err(|error| Error::database("counting the rows of backfills", &self.target, &error))?;
        Ok(list)
    }

    /// Returns the applied migrations, newest first. Like [`Session::status`], it changes nothing.
    ///
    /// # Errors
    /// The database cannot be reached, or the ledger cannot be read.
    pub async fn history(&self) -> Result<Vec<Applied>, Error> {
        if let Server::Sqlite(file) = &self.target.server
            && !file.get_filename().exists()
        {
            return Ok(Vec::new());
        }
        let db = connect::connect(&self.target, &self.options, Purpose::Look).await?;
        let applied = history::read(&db).await;
        applied.map_err(|error| Error::database("reading the ledger", &self.target, &error))
    }

    /// Returns the mark of the database. Like [`Session::status`], it changes nothing.
    ///
    /// # Errors
    /// The database cannot be reached, or the mark cannot be read.
    pub async fn mark(&self) -> Result<Mark, Error> {
        if let Server::Sqlite(_) = &self.target.server {
            return Ok(Mark::Absent);
        }
        let db = connect::connect(&self.target, &self.options, Purpose::Look).await?;
        self.read_mark(&db).await
    }

    /// Removes the mark of a production database. `confirm` repeats the database's name.
    ///
    /// # Errors
    /// See [`Error`]. The database is SQLite, `confirm` is another name, or the login does not own the ledger.
    pub async fn remove_mark(&self, confirm: &str) -> Result<(), Error> {
        if let Server::Sqlite(_) = &self.target.server {
            return Err(Error::SqliteHasNoMark { target: self.target.to_string() });
        }
        let db = connect::connect(&self.target, &self.options, Purpose::Migrate).await?;
        lock::acquire(&db, &self.target, &self.options).await?;
        let failed = |error: DbErr| Error::database("reading the database's name", &self.target, &error);
        let database = mark::database(&db).await.map_err(failed)?;
        if confirm != database {
            return Err(Error::MarkNotConfirmed { target: self.target.to_string(), database });
        }
        self.retrying("removing the mark", || mark::remove(&db)).await?;
        // Closing the connection releases the lock.
        let _ = db.close().await;
        Ok(())
    }

    async fn read_mark(&self, db: &impl ConnectionTrait) -> Result<Mark, Error> {
        mark::read(db).await.map_err(|error| Error::database("reading the mark", &self.target, &error))
    }

    /// Refuses what the rule of all programs does not permit on this database.
    fn permit(&self, work: Work, mark: Mark) -> Result<(), Error> {
        let destroy = |command| Action::Destroy { command, allowed: self.options.allow_destructive };
        let action = match work {
            Work::Up(_) => Action::Migrate,
            Work::Down(Some(_)) => destroy("down"),
            Work::Down(None) => destroy("reset"),
            Work::Refresh => destroy("refresh"),
            Work::Fresh => destroy("fresh"),
        };
        Ok(permit(action, self.target.place(), self.target.app_env, mark, &self.target)?)
    }

    /// Returns the signing keys, newest first.
    ///
    /// # Errors
    /// The database cannot be reached, or lacks the table.
    pub async fn keys(&self) -> Result<Vec<Key>, Error> {
        let db = connect::connect(&self.target, &self.options, Purpose::Look).await?;
        keys::list(&db, &self.target).await
    }

    /// Changes the signing keys, in one transaction.
    ///
    /// # Errors
    /// The database cannot be reached, or lacks the table or the key.
    pub async fn change_keys(&self, change: &Change) -> Result<(), Error> {
        let db = connect::connect(&self.target, &self.options, Purpose::Look).await?;
        if matches!(change, Change::Disable) {
            // It gives up a protection.
            let action = Action::Destroy { command: "keys disable", allowed: self.options.allow_destructive };
            permit(
                action,
                self.target.place(),
                self.target.app_env,
                self.read_mark(&db).await?,
                &self.target,
            )?;
        }
        keys::change(&db, &self.target, change).await
    }

    async fn run(&self, work: Work) -> Result<usize, Error> {
        // The mark is not known yet; nothing is sent to a database that is refused without it.
        self.permit(work, Mark::Absent)?;
        let purpose = if work == Work::Fresh { Purpose::DropAll } else { Purpose::Migrate };
        let db = connect::connect(&self.target, &self.options, purpose).await?;
        let done = match self.target.server {
            Server::Postgres(_) => self.run_on_postgres(&db, work).await,
            Server::Sqlite(_) => self.run_on_sqlite(&db, work).await,
        };
        // Closing the connection releases the lock, also if releasing it failed.
        let _ = db.close().await;
        done
    }

    async fn run_on_postgres(&self, db: &DatabaseConnection, work: Work) -> Result<usize, Error> {
        lock::acquire(db, &self.target, &self.options).await?;
        // Under the lock, because the run that held it may have set the mark.
        self.permit(work, self.read_mark(db).await?)?;
        let done = self.perform(db, work).await?;
        if work != Work::Down(None) {
            self.retrying("writing the comments", || annotations::apply(db)).await?;
        }
        lock::release(db)
            .await
            .map_err(|error| Error::database("releasing the migration lock", &self.target, &error))?;
        Ok(done)
    }

    async fn run_on_sqlite(&self, db: &DatabaseConnection, work: Work) -> Result<usize, Error> {
        let failed = |error: DbErr| Error::database("the run", &self.target, &error);
        let immediate = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = db.begin_with_options(immediate).await.map_err(failed)?;
        let done = self.perform(&transaction, work).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(done)
    }

    async fn perform<C>(&self, db: &C, work: Work) -> Result<usize, Error>
    where
        C: ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>,
        for<'c> &'c C: IntoSchemaManagerConnection<'c>,
    {
        match work {
            Work::Up(steps) => self.steps(db, Direction::Up, steps).await,
            Work::Down(steps) => self.roll_back(db, steps).await,
            Work::Refresh => {
                self.roll_back(db, None).await?;
                self.steps(db, Direction::Up, None).await
            }
            // SeaORM's `fresh` fails on objects of an extension, and on a view without a table.
            Work::Fresh if db.get_database_backend() == DbBackend::Postgres => {
                self.retrying("fresh", || async { db.execute_unprepared(DROP_ALL).await.map(|_| ()) })
                    .await?;
                (self.options.report)(&Event::Dropped);
                self.steps(db, Direction::Up, None).await
            }
            Work::Fresh => {
                self.retrying("fresh", || M::fresh(db)).await?;
                (self.options.report)(&Event::Dropped);
                let applied = self.standing(db).await?;
                for Status { name, .. } in &applied {
                    let record = emitted::<M>(name).await?.recorded(db.get_database_backend());
                    self.retrying(name, || ledger::record(db, name, &record, None)).await?;
                    (self.options.report)(&Event::Applied { migration: name, took: Duration::ZERO });
                }
                Ok(applied.len())
            }
        }
    }

    /// Rolls back, and drops the ledger with its last entry: the database is as it was before the first `up`.
    async fn roll_back<C>(&self, db: &C, steps: Option<u32>) -> Result<usize, Error>
    where
        C: ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>,
        for<'c> &'c C: IntoSchemaManagerConnection<'c>,
    {
        let done = self.steps(db, Direction::Down, steps).await?;
        if self.standing(db).await?.iter().all(|status| status.state == State::Pending) {
            self.retrying("dropping the ledger", || M::uninstall(db)).await?;
        }
        Ok(done)
    }

    async fn steps<C>(&self, db: &C, direction: Direction, steps: Option<u32>) -> Result<usize, Error>
    where
        C: ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>,
        for<'c> &'c C: IntoSchemaManagerConnection<'c>,
    {
        let list = self.standing(db).await?;
        self.forget_progress(db, direction, &list).await?;
        if direction == Direction::Up {
            self.check_history(&list)?;
            if self.target.app_env == Some(AppEnv::Production) {
                self.set_mark(db).await?;
            }
        }
        let mut names: Vec<&str> = list
            .iter()
            .filter(|status| (status.state == State::Pending) == (direction == Direction::Up))
            .map(|status| status.name.as_str())
            .collect();
        if direction == Direction::Down {
            names.reverse();
        }
        names.truncate(steps.map_or(usize::MAX, |steps| usize::try_from(steps).unwrap_or(usize::MAX)));
        for migration in &names {
            let started = Instant::now();
            match direction {
                Direction::Up => {
                    let emitted = emitted::<M>(migration).await?;
                    let run = Run::new(migration, &self.options);
                    self.retrying(migration, || run.clone().scope(apply_next::<C, M>(db, &emitted))).await?;
                    if !emitted.transactional {
                        self.forget_progress(db, direction, &[]).await?;
                    }
                }
                Direction::Down => self.retrying(migration, || M::down(db, Some(1))).await?,
            }
            let took = started.elapsed();
            (self.options.report)(&match direction {
                Direction::Up => Event::Applied { migration, took },
                Direction::Down => Event::RolledBack { migration, took },
            });
        }
        Ok(names.len())
    }

    /// Drops progress that no run continues: that of a backfill which the ledger has, and any before a rollback.
    async fn forget_progress(
        &self,
        db: &impl ConnectionTrait,
        direction: Direction,
        list: &[Status],
    ) -> Result<(), Error> {
        let stored = progress::read(db).await;
        let stored = stored
            .map_err(|error| Error::database("reading the progress of a backfill", &self.target, &error))?;
        let is_continued = |name: &str| {
            direction == Direction::Up
                && list.iter().any(|status| status.name == name && status.state == State::Pending)
        };
        if stored.is_some_and(|(name, _)| !is_continued(&name)) {
            self.retrying("dropping the progress of a backfill", || progress::forget(db)).await?;
        }
        Ok(())
    }

    /// Marks the database before its first migration, so that one that is interrupted is protected as well.
    async fn set_mark<C>(&self, db: &C) -> Result<(), Error>
    where
        C: ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>,
        for<'c> &'c C: IntoSchemaManagerConnection<'c>,
    {
        let failed = |error: DbErr| Error::database("reading the mark", &self.target, &error);
        if mark::is_set(db).await.map_err(failed)? {
            return Ok(());
        }
        self.retrying("creating the ledger", || M::install(db)).await?;
        self.retrying("setting the mark", || mark::set(db)).await?;
        (self.options.report)(&Event::Marked);
        Ok(())
    }

    /// Refuses a ledger whose history differs from that of this build.
    fn check_history(&self, list: &[Status]) -> Result<(), Error> {
        let target = || self.target.to_string();
        let changed: Vec<String> = list
            .iter()
            .filter_map(|status| Some(format!("{} ({})", status.name, status.difference.as_ref()?)))
            .collect();
        if !changed.is_empty() {
            return Err(Error::Changed { target: target(), changes: changed.join(", ") });
        }
        let Some(newest) = list.iter().rposition(|status| status.state != State::Pending) else {
            return Ok(());
        };
        let older = names(list[..newest].iter().filter(|status| status.state == State::Pending));
        if older.is_empty() {
            return Ok(());
        }
        Err(Error::OutOfOrder { target: target(), names: older, newest: list[newest].name.clone() })
    }

    /// The migrations and their states, none of them unknown to this build.
    async fn standing(&self, db: &impl ConnectionTrait) -> Result<Vec<Status>, Error> {
        let list = self.standings(db).await?;
        let unknown = names(list.iter().filter(|status| matches!(status.state, State::Unknown(_))));
        if unknown.is_empty() {
            return Ok(list);
        }
        Err(Error::DatabaseIsAhead { target: self.target.to_string(), names: unknown })
    }

    async fn standings(&self, db: &impl ConnectionTrait) -> Result<Vec<Status>, Error> {
        let list = status::read::<M>(db, &Accepted::all()?).await;
        list.map_err(|error| Error::database("reading the ledger", &self.target, &error))
    }

    /// Retries, with growing pauses, after a lock timeout, deadlock or serialization failure.
    async fn retrying<F>(&self, what: &str, mut work: impl FnMut() -> F) -> Result<(), Error>
    where
        F: Future<Output = Result<(), DbErr>>,
    {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let Err(error) = work().await else { return Ok(()) };
            if attempt == ATTEMPTS || !is_transient(&error) {
                return Err(Error::database(what, &self.target, &error));
            }
            let reason = error.to_string();
            (self.options.report)(&Event::Retrying { migration: what, attempt, pause, reason: &reason });
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Ok(())
    }
}

/// Applies the next migration and records it in the ledger, in one transaction unless the migration opts out.
async fn apply_next<C, M: MigratorTrait>(db: &C, emitted: &Emitted) -> Result<(), DbErr>
where
    C: ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>,
    for<'c> &'c C: IntoSchemaManagerConnection<'c>,
{
    let record = emitted.recorded(db.get_database_backend());
    let started = Instant::now();
    if !emitted.transactional {
        M::up(db, Some(1)).await?;
        return ledger::record(db, &emitted.name, &record, Some(started.elapsed())).await;
    }
    let transaction = db.begin().await?;
    M::up(&transaction, Some(1)).await?;
    ledger::record(&transaction, &emitted.name, &record, Some(started.elapsed())).await?;
    transaction.commit().await
}

/// Records what a migration of this build executes.
async fn emitted<M: MigratorTrait>(name: &str) -> Result<Emitted, Error> {
    let migrations = M::migrations();
    let migration = migrations.iter().find(|migration| migration.name() == name);
    let missing = || Error::emission(name, &DbErr::Migration("this build does not have it".to_owned()));
    let emitted = Emitted::by(migration.ok_or_else(missing)?.as_ref()).await;
    emitted.map_err(|error| Error::emission(name, &error))
}

fn names<'a>(list: impl Iterator<Item = &'a Status>) -> String {
    list.map(|status| status.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// A command and its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Up(Option<u32>),
    Down(Option<u32>),
    Refresh,
    Fresh,
}

/// Drops the tables, views and types of the current schema but those of extensions; a multirange goes with its
/// range, a row type with its relation.
const DROP_ALL: &str = "
do $$
declare
    statement text;
begin
    for statement in
        select format('drop %s if exists %I.%I cascade',
                      case relkind when 'v' then 'view' when 'm' then 'materialized view'
                                   when 'f' then 'foreign table' else 'table' end,
                      nspname, relname)
        from pg_class c join pg_namespace n on n.oid = relnamespace
        where nspname = current_schema() and relkind in ('r', 'p', 'v', 'm', 'f')
          and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = c.oid
                                                  and deptype = 'e')
        union all
        select format('drop type if exists %I.%I cascade', nspname, typname)
        from pg_type t join pg_namespace n on n.oid = typnamespace left join pg_class c on c.oid = typrelid
        where nspname = current_schema() and (typtype in ('d', 'e', 'r') or c.relkind = 'c')
          and not exists (select from pg_depend where classid = 'pg_type'::regclass and objid = t.oid
                                                  and deptype = 'e')
    loop
        execute statement;
    end loop;
end $$";

/// Whether the same statement may succeed a little later: a lock not given in time (55P03), a deadlock (40P01),
/// a serialization failure (40001), or a row of a shared catalogue that another database's migrator changed in
/// the same moment (XX000 with these words, 23505 on a catalogue's index).
fn is_transient(error: &DbErr) -> bool {
    match code(error).as_deref() {
        Some("55P03" | "40P01" | "40001") => true,
        Some("XX000") => error.to_string().contains("tuple concurrently"),
        Some("23505") => sqlx_error(error)
            .and_then(sqlx::Error::as_database_error)
            .and_then(sqlx::error::DatabaseError::constraint)
            .is_some_and(|constraint| constraint.starts_with("pg_")),
        _ => false,
    }
}
