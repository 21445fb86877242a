//! Read transactions on replicas: which replica serves one, and when the primary does instead.
//!
//! A replica is examined at use, at most once in [`CHECK`], so that no task runs in the background.

use crate::deadline::{sleep, within};
use crate::error::Error;
use crate::failover::address;
use crate::pool::{Begun, Pool};
use crate::position::Position;
use crate::session::{self, Begin};
use crate::settings::{Settings, SettingsError};
use crate::startup;
use environment::{TargetSessionAttrs, parse_postgres_hosts};
use futures_util::future::join_all;
use futures_util::lock::Mutex;
use metrics::{counter, gauge};
use sqlx::postgres::PgConnection;
use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The time between two examinations of a replica in use.
const CHECK: Duration = Duration::from_secs(1);

/// The time for which a replica is left out before it is examined again.
const PAUSE: Duration = Duration::from_secs(5);

/// The limit of the time to get a response of a replica. The primary serves the read after it.
const RESPONSE: Duration = Duration::from_secs(2);

/// The first and the longest pause between two questions whether a replica has replayed a position.
const POLL: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(10));

/// The replicas of `REPLICA_DATABASE_URL`; often none.
#[derive(Default)]
pub(crate) struct Replicas {
    list: Vec<Replica>,
    next: AtomicUsize,
    wait: Duration,
    max_lag: Duration,
}

struct Replica {
    pool: Pool,
    state: AtomicU8,
    /// When the state was found. Locked during an examination, in which the others use the state before.
    examined: Mutex<Option<Instant>>,
    /// Whether Row Level Security limits the login, and the server is a replica of the primary.
    accepted: std::sync::atomic::AtomicBool,
}

/// What the last examination found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum State {
    Usable,
    Unreachable,
    Behind,
    Promoted,
    Refused,
}

impl State {
    fn of(number: u8) -> Self {
        match number {
            0 => Self::Usable,
            2 => Self::Behind,
            3 => Self::Promoted,
            4 => Self::Refused,
            _ => Self::Unreachable,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Usable => "usable",
            Self::Unreachable => "unreachable",
            Self::Behind => "behind",
            Self::Promoted => "promoted",
            Self::Refused => "refused",
        }
    }
}

impl Replicas {
    /// Opens the pools, and examines the replicas. One that is unreachable is left out until it responds.
    pub(crate) async fn open(settings: &Settings, primary: &Pool) -> Result<Self, Error> {
        let hosts = match &settings.replica_database_url {
            None => Vec::new(),
            Some(url) => {
                const VARIABLE: &str = "REPLICA_DATABASE_URL";
                let hosts = parse_postgres_hosts(url.expose())
                    .map_err(|error| Error::Refused(format!("{VARIABLE} {error}")))?;
                if !matches!(hosts.target, TargetSessionAttrs::Any | TargetSessionAttrs::Standby) {
                    let expected = "a URL of standbys; leave target_session_attrs out, or set it to standby";
                    return Err(SettingsError::Form { variable: VARIABLE, expected }.into());
                }
                hosts.servers
            }
        };
        let mut settings = settings.clone();
        settings.acquire_timeout = settings.acquire_timeout.min(RESPONSE);
        let replica = |host| Replica {
            pool: Pool::lazy(address(&host).into(), host, &settings),
            state: AtomicU8::new(State::Unreachable as u8),
            examined: Mutex::default(),
            accepted: false.into(),
        };
        let (wait, max_lag) = (settings.replica_wait, settings.replica_max_lag);
        let list: Vec<_> = hosts.into_iter().map(replica).collect();
        let replicas = Self { list, next: AtomicUsize::new(0), wait, max_lag };
        for examined in join_all(replicas.list.iter().map(|replica| replicas.examine(replica, primary))).await
        {
            examined?;
        }
        Ok(replicas)
    }

    pub(crate) async fn close(&self) -> Result<(), Error> {
        for replica in &self.list {
            replica.pool.close().await?;
        }
        Ok(())
    }

    /// Begins a transaction on a replica that has replayed `position`. `None`: there is none, so the primary serves the
    /// read.
    pub(crate) async fn begin(
        &self,
        begin: Begin,
        position: Option<Position>,
        primary: &Pool,
    ) -> Option<Begun> {
        if self.list.is_empty() || position == Some(Position::UNKNOWN) {
            return None;
        }
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for offset in 0..self.list.len() {
            let replica = &self.list[(first.wrapping_add(offset)) % self.list.len()];
            if !self.is_usable(replica, primary).await {
                continue;
            }
            let started = async {
                let mut connection = replica.pool.acquire().await?;
                match position {
                    Some(position) if !self.reaches(&mut connection, position).await? => Ok(None),
                    _ => replica.pool.begin_on(connection, begin).await.map(Some),
                }
            };
            match within(Some(RESPONSE + self.wait), Box::pin(started)).await.map_err(Error::from).flatten() {
                Ok(Some(started)) => return Some(started),
                // The others may be further, but the caller has waited already.
                Ok(None) => return None,
                Err(error) => {
                    if let Some(mut examined) = replica.examined.try_lock() {
                        *examined = Some(Instant::now());
                    }
                    replica.set(State::Unreachable, &error);
                }
            }
        }
        None
    }

    /// Waits until the replica has replayed the position, and returns whether it has in time.
    async fn reaches(&self, connection: &mut PgConnection, position: Position) -> Result<bool, Error> {
        let started = Instant::now();
        let (mut pause, longest) = POLL;
        while !session::has_replayed(connection, position).await? {
            let left = self.wait.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Ok(false);
            }
            sleep(pause.min(left)).await;
            pause = (pause * 2).min(longest);
        }
        Ok(true)
    }

    async fn is_usable(&self, replica: &Replica, primary: &Pool) -> bool {
        // A refusal after the start is logged and counted like every other state.
        let _ = self.examine(replica, primary).await;
        State::of(replica.state.load(Ordering::Relaxed)) == State::Usable
    }

    /// Examines the replica, unless it was examined just now or another caller examines it.
    ///
    /// # Errors
    /// [`Error::Refused`]: it must not be used, whether it responds or not.
    async fn examine(&self, replica: &Replica, primary: &Pool) -> Result<(), Error> {
        let Some(mut examined) = replica.examined.try_lock() else { return Ok(()) };
        let state = State::of(replica.state.load(Ordering::Relaxed));
        let valid = if state == State::Usable { CHECK } else { PAUSE };
        if examined.is_some_and(|at| at.elapsed() < valid) {
            return Ok(());
        }
        let found = within(Some(RESPONSE * 2), Box::pin(self.ask(replica, primary)))
            .await
            .map_err(Error::from)
            .flatten();
        *examined = Some(Instant::now());
        match found {
            Ok(found) => {
                replica.set(found, &"see docs/replicas.md");
                Ok(())
            }
            Err(error @ Error::Refused(_)) => {
                replica.set(State::Refused, &error);
                Err(error)
            }
            Err(error) => {
                replica.set(State::Unreachable, &error);
                Ok(())
            }
        }
    }

    async fn ask(&self, replica: &Replica, primary: &Pool) -> Result<State, Error> {
        if !replica.accepted.load(Ordering::Relaxed) {
            replica.accept(primary).await?;
            replica.accepted.store(true, Ordering::Relaxed);
        }
        let written =
            async { Ok(session::position(&mut *primary.acquire().await?, session::WRITTEN).await?) };
        let written: Result<Position, Error> =
            within(Some(RESPONSE / 2), Box::pin(written)).await.map_err(Error::from).flatten();
        let (is_replica, lag) = session::lag(&mut *replica.pool.acquire().await?, written.ok()).await?;
        gauge!("database_replica_lag_seconds", "replica" => replica.pool.name()).set(lag.as_secs_f64());
        Ok(match is_replica {
            false => State::Promoted,
            true if lag > self.max_lag => State::Behind,
            true => State::Usable,
        })
    }
}

impl Replica {
    /// Returns [`Error::Refused`] if Row Level Security does not limit the login, or the server belongs to another cluster.
    async fn accept(&self, primary: &Pool) -> Result<(), Error> {
        let db = self.pool.begin(Begin { read_only: true, ..Begin::default() }).await?.transaction;
        startup::check_pooler(&db, "REPLICA_DATABASE_URL").await?;
        startup::check_customer(&db, "REPLICA_DATABASE_URL").await?;
        db.rollback(Some(RESPONSE)).await??;
        let ours = session::cluster(&mut *primary.acquire().await?).await?;
        let theirs = session::cluster(&mut *self.pool.acquire().await?).await?;
        if ours == theirs {
            return Ok(());
        }
        Err(Error::Refused(format!(
            "the server {} of REPLICA_DATABASE_URL is not a replica of the database of DATABASE_URL; name one that is",
            self.pool.name()
        )))
    }

    fn set(&self, state: State, reason: &dyn fmt::Display) {
        let (name, before) = (self.pool.name(), State::of(self.state.swap(state as u8, Ordering::Relaxed)));
        counter!("database_replica_checks_total", "replica" => name.clone(), "state" => state.name())
            .increment(1);
        match state {
            State::Usable if before != state => tracing::info!(replica = %name, "the replica is used"),
            State::Usable => {}
            _ if before != state || state == State::Unreachable => {
                tracing::warn!(replica = %name, state = state.name(), %reason, "the replica is left out");
            }
            _ => {}
        }
    }
}

/// Counts a read transaction by the server that serves it.
pub(crate) fn count(target: &'static str) {
    counter!("database_reads_total", "target" => target).increment(1);
}
