//! The count of what is past its limit, in short parts with pauses.

use crate::{Error, Store};
use entity::id::OrganizationId;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Rows of a part, which takes a few milliseconds.
const PART: usize = 1000;

/// Plans that return rows as they read them: no scan that passes over other rows, no hash of a table, and no JIT. One
/// processor: the others are those of calls.
const STREAMED: &str = "\
    set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_hashjoin = off; \
    set local enable_mergejoin = off; set local jit = off; set local max_parallel_workers_per_gather = 0";

/// The same rows of one shard, counted.
const COUNTED: &str = concat!(
    "select organization_id, kind, count(*) as rows from (",
    include_str!("past_limit.sql"),
    "limit $4) as found group by organization_id, kind"
);

/// The limits that the schema has no column for, in days.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// After `deleted_at` of a row that is marked as deleted.
    pub deleted_days: i64,
    /// After an e-mail was sent, or failed.
    pub email_days: i64,
    /// After an event was published.
    pub event_days: i64,
}

/// What is past its limit.
#[derive(Clone, Debug, Default)]
pub struct PastLimit {
    /// Numbers of rows by organization and kind: a table, or `recordings`. Users belong to no organization.
    pub rows: BTreeMap<(Option<OrganizationId>, String), i64>,
    /// Whether the numbers are lower bounds, because the count ended before its last row.
    pub is_bounded: bool,
}

impl PastLimit {
    /// The number of rows of a kind, of all organizations.
    #[must_use]
    pub fn of_kind(&self, kind: &str) -> i64 {
        self.rows.iter().filter(|((_, found), _)| found == kind).map(|(_, rows)| rows).sum()
    }
}

impl Store {
    /// Counts what is past its limit, in parts, and pauses after each, so that it is at work for `load` percent of the time.
    /// The parts read one snapshot. With `up_to` it ends after so many rows that it has read, a part more or less.
    ///
    /// On Citus a part is a shard, each with its snapshot, and `up_to` is the limit of each.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn past_limit(
        &self,
        limits: Limits,
        load: u32,
        up_to: Option<usize>,
    ) -> Result<PastLimit, Error> {
        if self.database.is_distributed() {
            return self.past_limit_of_shards(limits, load, up_to).await;
        }
        let count = async {
            let tx = self.database.admin().await?;
            tx.execute_unprepared(STREAMED).await?;
            let Limits { deleted_days, email_days, event_days } = limits;
            let declare = concat!("declare past_limit no scroll cursor for ", include_str!("past_limit.sql"));
            let values = [deleted_days.into(), email_days.into(), event_days.into()];
            tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, declare, values)).await?;
            let fetch = format!("fetch {PART} from past_limit");
            let mut past = PastLimit::default();
            let mut read = 0;
            loop {
                let started = Instant::now();
                let rows = tx.query_all_raw(Statement::from_string(DbBackend::Postgres, &fetch)).await?;
                for row in &rows {
                    if let Some(kind) = row.try_get_by_index(1)? {
                        *past.rows.entry((row.try_get_by_index(0)?, kind)).or_default() += 1;
                    }
                }
                read += rows.len();
                if rows.len() < PART {
                    break;
                }
                if up_to.is_some_and(|limit| read >= limit) {
                    past.is_bounded = true;
                    break;
                }
                pause(started.elapsed(), load).await;
            }
            tx.rollback().await?;
            Ok(past)
        };
        count.await.map_err(self.failed("counting what is past its limit"))
    }

    async fn past_limit_of_shards(
        &self,
        limits: Limits,
        load: u32,
        up_to: Option<usize>,
    ) -> Result<PastLimit, Error> {
        let Limits { deleted_days, email_days, event_days } = limits;
        let up_to = up_to.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let count = async {
            let mut past = PastLimit::default();
            for shard in self.database.shards().await? {
                let started = Instant::now();
                let tx = shard.admin().await?;
                tx.execute_unprepared(STREAMED).await?;
                let values = [deleted_days.into(), email_days.into(), event_days.into(), up_to.into()];
                let statement = Statement::from_sql_and_values(DbBackend::Postgres, COUNTED, values);
                let columns = "organization_id uuid, kind text, rows int8";
                let rows = tx.query_all_raw(tx.on_each_shard(statement, columns)).await?;
                let mut read = 0;
                for row in &rows {
                    let rows: i64 = row.try_get("", "rows")?;
                    read += rows;
                    if let Some(kind) = row.try_get("", "kind")? {
                        // Each shard has the rows of organizations of its own, and a copy of those of `users` and its like.
                        let found = past.rows.entry((row.try_get("", "organization_id")?, kind)).or_default();
                        *found = rows.max(*found);
                    }
                }
                past.is_bounded |= up_to.is_some_and(|limit| read >= limit);
                tx.rollback().await?;
                pause(started.elapsed(), load).await;
            }
            Ok(past)
        };
        count.await.map_err(self.failed("counting what is past its limit"))
    }
}

/// Pauses after work of such a duration, so that it was `load` percent of the time.
pub(super) async fn pause(worked: Duration, load: u32) {
    tokio::time::sleep(worked * (100 - load) / load).await;
}
