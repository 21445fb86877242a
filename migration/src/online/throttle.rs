//! Pauses of a backfill while standbys are behind or sessions wait for locks.

use super::run::Run;
use crate::options::Event;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};
use std::time::Duration;

/// The first pause; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(50);

/// The longest pause between two looks at the standbys, and the limit of the pauses before one batch for lock waits,
/// which may have another cause.
const LONGEST: Duration = Duration::from_secs(1);

/// Delays the batches of one run.
#[derive(Debug)]
pub(crate) struct Throttle {
    run: Run,
    told_locks: bool,
    told_hidden: bool,
}

impl Throttle {
    pub(crate) fn new(run: Run) -> Self {
        Self { run, told_locks: false, told_hidden: false }
    }

    /// Returns once no standby is behind, and no session waits for a lock or has waited for a second.
    pub(crate) async fn pause(&mut self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        self.pause_for_standbys(db).await?;
        self.pause_for_lock_waits(db).await
    }

    async fn pause_for_standbys(&mut self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        let mut pause = FIRST;
        let mut told = false;
        while let Some(standby) = self.standby_behind(db).await? {
            if standby.try_get("", "is_hidden")? {
                if !self.told_hidden {
                    let reason = "the lag of a standby is not visible to this login and does not slow the backfill \
                                  down; grant pg_monitor to the login";
                    self.tell(reason);
                    self.told_hidden = true;
                }
                return Ok(());
            }
            if !told {
                let name: String = standby.try_get("", "name")?;
                let seconds: i64 = standby.try_get("", "seconds")?;
                self.tell(&format!("paused: the standby {name} is {seconds} s behind"));
                told = true;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
        }
        Ok(())
    }

    /// A standby that is too far behind, or one of which the login does not see how far it is.
    async fn standby_behind(&self, db: &impl ConnectionTrait) -> Result<Option<QueryResult>, DbErr> {
        let limit = self.run.max_lag.as_secs();
        let sql = format!(
            "select coalesce(application_name, 'without a name') as name, state is null as is_hidden, \
                    extract(epoch from replay_lag)::bigint as seconds \
             from pg_stat_replication \
             where state is null \
                or (replay_lag > make_interval(secs => {limit}) and replay_lsn < pg_current_wal_lsn()) \
             order by is_hidden limit 1"
        );
        db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await
    }

    async fn pause_for_lock_waits(&mut self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        // Advisory locks are the application's own queues.
        let waits = "select true from pg_locks l join pg_stat_activity a using (pid) \
                     where not l.granted and l.locktype in ('relation', 'transactionid', 'tuple') \
                       and a.datname = current_database() limit 1";
        let (mut pause, mut paused) = (FIRST, Duration::ZERO);
        while paused < LONGEST {
            let waits = Statement::from_string(DbBackend::Postgres, waits);
            if db.query_one_raw(waits).await?.is_none() {
                return Ok(());
            }
            if !self.told_locks {
                self.tell("slowed down: sessions wait for locks");
                self.told_locks = true;
            }
            tokio::time::sleep(pause).await;
            paused += pause;
            pause = (pause * 2).min(LONGEST.saturating_sub(paused));
        }
        Ok(())
    }

    fn tell(&self, reason: &str) {
        (self.run.report)(&Event::Throttled { migration: &self.run.migration, reason });
    }
}
