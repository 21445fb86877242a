//! Finds the primary among the hosts of a URL, and leads the pool to it.

use crate::deadline::{sleep, within};
use crate::driver::acquire;
use crate::error::{Error, Fault};
use crate::session;
use environment::TargetSessionAttrs;
use futures_util::future::{Either, select};
use futures_util::lock::Mutex;
use futures_util::stream::{FuturesUnordered, StreamExt};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{ConnectOptions, Connection, Postgres};
use std::pin::pin;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The time after which a caller that waits for a connection looks for the primary.
const PATIENCE: Duration = Duration::from_millis(250);

/// The pause between two searches, of all callers together.
const PAUSE: Duration = Duration::from_millis(500);

/// The limit of the time to ask a host, for one that drops packets.
const PROBE: Duration = Duration::from_secs(2);

/// The hosts of a URL, and the one that the pool connects to.
pub(crate) struct Failover {
    hosts: Vec<PgConnectOptions>,
    current: AtomicUsize,
    /// When the pool was led to another host: older connections lead to the former one.
    switched: std::sync::Mutex<Option<Instant>>,
    /// When the last search ended.
    searched: Mutex<Option<Instant>>,
}

impl Failover {
    /// `None` for one host that need not be the primary: the pool then asks nothing.
    pub(crate) fn new(
        hosts: Vec<PgConnectOptions>,
        target: TargetSessionAttrs,
    ) -> Result<Option<Self>, String> {
        match target {
            TargetSessionAttrs::Any if hosts.len() == 1 => return Ok(None),
            TargetSessionAttrs::ReadWrite | TargetSessionAttrs::Primary => {}
            TargetSessionAttrs::Any => {
                return Err("names several hosts; add target_session_attrs=read-write".to_owned());
            }
            _ => {
                return Err(
                    "leads to servers that do not write; set target_session_attrs to read-write, and name \
                            replicas in REPLICA_DATABASE_URL"
                        .to_owned(),
                );
            }
        }
        let current = AtomicUsize::new(0);
        Ok(Some(Self { hosts, current, switched: std::sync::Mutex::default(), searched: Mutex::default() }))
    }

    /// Returns the host that the pool connects to.
    pub(crate) fn current(&self) -> &PgConnectOptions {
        &self.hosts[self.current.load(Ordering::Relaxed)]
    }

    /// Whether a connection of this age leads to a former primary.
    pub(crate) fn is_former(&self, age: Duration) -> bool {
        let switched = *self.switched.lock().unwrap_or_else(PoisonError::into_inner);
        switched.is_some_and(|switched| age > switched.elapsed())
    }

    /// Returns an error if the server of a new connection is not the primary.
    pub(crate) async fn check(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let message = "the host is a standby, and target_session_attrs requires the primary";
        if session::writes(connection).await? { Ok(()) } else { Err(std::io::Error::other(message).into()) }
    }

    /// Takes the primary as the current host, the first that responds as one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with the answer of each host.
    pub(crate) async fn find(&self) -> Result<(), Error> {
        let mut answers: FuturesUnordered<_> = self
            .hosts
            .iter()
            .enumerate()
            .map(|(place, host)| async move {
                let primary = async {
                    let mut connection = host.connect().await?;
                    self.check(&mut connection).await?;
                    connection.close().await
                };
                (place, within(Some(PROBE), primary).await.flatten())
            })
            .collect();
        let mut reasons = Vec::new();
        while let Some((place, answer)) = answers.next().await {
            match answer {
                Ok(()) => {
                    if self.current.swap(place, Ordering::Relaxed) != place {
                        *self.switched.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                    }
                    return Ok(());
                }
                Err(error) => reasons.push(format!("{}: {error}", address(&self.hosts[place]))),
            }
        }
        Err(Error::Unavailable(Fault::of_driver(format!("no host is the primary: {}", reasons.join("; ")))))
    }

    /// Acquires a connection, and leads the pool to the primary if that takes long or fails. The caller limits the time.
    pub(crate) async fn acquire(&self, pool: &PgPool) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        loop {
            let before = self.current.load(Ordering::Relaxed);
            match select(pin!(acquire(pool)), pin!(self.watch(pool, before))).await {
                Either::Left((Err(error), _)) if may_be_elsewhere(&error) => {
                    self.search(pool).await;
                    sleep(PAUSE / 10).await;
                }
                Either::Left((acquired, _)) => return acquired,
                // The pool would go on to wait for the former primary.
                Either::Right(((), _)) => {}
            }
        }
    }

    /// Searches until the current host is another one than `before`.
    async fn watch(&self, pool: &PgPool, before: usize) {
        sleep(PATIENCE).await;
        while self.current.load(Ordering::Relaxed) == before {
            self.search(pool).await;
            sleep(PAUSE / 10).await;
        }
    }

    async fn search(&self, pool: &PgPool) {
        let mut searched = self.searched.lock().await;
        if searched.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        let before = self.current.load(Ordering::Relaxed);
        if self.find().await.is_ok() && self.current.load(Ordering::Relaxed) != before {
            pool.set_connect_options(self.current().clone());
            tracing::warn!(host = address(self.current()), "the pool was led to another primary");
        }
        *searched = Some(Instant::now());
    }
}

/// Whether another host may be able to serve what this one did not.
fn may_be_elsewhere(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        // Start-up, shutdown and recovery (https://www.postgresql.org/docs/15/errcodes-appendix.html).
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}

/// The address, without the login.
pub(crate) fn address(host: &PgConnectOptions) -> String {
    let port = host.get_port();
    match host.get_socket() {
        Some(socket) => format!("{}/.s.PGSQL.{port}", socket.display()),
        None => format!("{}:{port}", host.get_host()),
    }
}
