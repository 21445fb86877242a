//! A pool of connections.

use crate::deadline::within;
use crate::driver::{OpenTransaction, acquire};
use crate::error::{Error, no_response};
use crate::failover::Failover;
use crate::session::{self, Begin, Server};
use crate::settings::{Settings, Url};
use environment::{describe_postgres, parse_postgres_hosts, tls_warning};
use metrics::{SharedString, gauge, histogram};
use sea_orm::{
    DatabaseConnection, DbBackend, DbErr, SqlxPostgresConnector, SqlxSqliteConnector, TransactionTrait,
};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection, Postgres};
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The idle time during which a connection is used without a ping: it responded when it was released.
const FRESH: Duration = Duration::from_millis(500);

pub(crate) struct Pool {
    name: SharedString,
    connection: DatabaseConnection,
    /// The limit of the time to begin a transaction; `None` for SQLite, which has its busy timeout.
    limit: Option<Duration>,
    waiting: AtomicU32,
    server: Server,
    /// `None`: one host, whatever it is.
    failover: Option<Arc<Failover>>,
    own: OwnPool,
}

/// A transaction that has begun, and the server's name for it if it was asked for.
pub(crate) struct Begun {
    pub(crate) transaction: OpenTransaction,
    pub(crate) identity: Option<String>,
}

/// A slot with a clone of the pool, from which the pool's `after_release` callback reads the number of open connections.
///
/// The pool owns the callback. A clone of the pool in the callback would be a reference cycle: the pool would never be
/// dropped, and its connections never closed. sqlx has no weak reference to a pool, so `Drop` of [`Pool`] empties the
/// slot instead, which breaks the cycle.
type OwnPool = Arc<Mutex<Option<PgPool>>>;

impl Drop for Pool {
    fn drop(&mut self) {
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Pool {
    pub(crate) async fn open(name: &'static str, url: &Url, settings: &Settings) -> Result<Self, Error> {
        if url.is_sqlite() {
            let connection = sqlite(url, settings).await?;
            let own = OwnPool::default();
            let waiting = AtomicU32::new(0);
            return Ok(Self {
                name: name.into(),
                connection,
                limit: None,
                waiting,
                server: Server::of(settings),
                failover: None,
                own,
            });
        }
        let refused =
            |reason: &dyn fmt::Display| Error::Refused(format!("the URL of the {name} pool {reason}"));
        let hosts = parse_postgres_hosts(url.expose()).map_err(|error| refused(&error))?;
        let servers: Vec<_> =
            hosts.servers.into_iter().map(|server| configured(name, server, settings)).collect();
        let first = servers[0].clone();
        let failover = Failover::new(servers, hosts.target).map_err(|error| refused(&error))?;
        let limit = Some(settings.acquire_timeout);
        // A connection outside the pool, because the pool retries a refused connection until the acquire timeout, and then
        // reports the timeout instead of the reason.
        let Some(failover) = failover.map(Arc::new) else {
            within(limit, first.connect()).await??.close().await?;
            return Ok(Self::lazily(name.into(), first, None, settings));
        };
        within(limit, failover.find()).await??;
        Ok(Self::lazily(name.into(), failover.current().clone(), Some(failover), settings))
    }

    /// Opens a pool without a connection.
    pub(crate) fn lazy(name: SharedString, server: PgConnectOptions, settings: &Settings) -> Self {
        let server = configured(&name, server, settings);
        Self::lazily(name, server, None, settings)
    }

    fn lazily(
        name: SharedString,
        options: PgConnectOptions,
        failover: Option<Arc<Failover>>,
        settings: &Settings,
    ) -> Self {
        let own = OwnPool::default();
        let server = Server::of(settings);
        let connection = postgres(options, settings, server.clone(), failover.clone(), &own);
        let limit = Some(settings.acquire_timeout);
        Self { name, connection, limit, waiting: AtomicU32::new(0), server, failover, own }
    }

    /// The value of the label `pool`.
    pub(crate) fn name(&self) -> SharedString {
        self.name.clone()
    }

    /// The limit of the time to begin a transaction.
    pub(crate) fn limit(&self) -> Option<Duration> {
        self.limit
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.connection.get_database_backend()
    }

    /// Closes the pool, once the open transactions have ended.
    pub(crate) async fn close(&self) -> Result<(), Error> {
        Ok(self.connection.close_by_ref().await?)
    }

    /// Begins a transaction within the pool's limit.
    pub(crate) async fn begin(&self, begin: Begin) -> Result<Begun, Error> {
        // On the heap: a future that opens a connection is large, and it would be part of each caller's.
        self.limited(Box::pin(async {
            if self.backend() == DbBackend::Postgres {
                return self.begin_on(self.connect().await?, begin).await;
            }
            let transaction = OpenTransaction::Sqlite(self.connection.begin().await?);
            Ok(Begun { transaction, identity: None })
        }))
        .await
    }

    /// Takes a connection from the pool, within its limit.
    pub(crate) async fn acquire(&self) -> Result<PoolConnection<Postgres>, Error> {
        self.limited(Box::pin(async { Ok(self.connect().await?) })).await
    }

    async fn limited<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let started = Instant::now();
        let waiting = Waiting::new(self);
        let done = within(self.limit, call).await;
        drop(waiting);
        histogram!("database_pool_acquire_seconds", "pool" => self.name()).record(started.elapsed());
        self.record_connections();
        done?
    }

    async fn connect(&self) -> Result<PoolConnection<Postgres>, DbErr> {
        let pool = self.connection.get_postgres_connection_pool();
        let acquired = match &self.failover {
            None => acquire(pool).await,
            Some(failover) => failover.acquire(pool).await,
        };
        acquired.map_err(no_response)
    }

    /// Begins a transaction on a connection of this pool.
    pub(crate) async fn begin_on(
        &self,
        connection: PoolConnection<Postgres>,
        begin: Begin,
    ) -> Result<Begun, Error> {
        let must_write = self.failover.is_some() && !begin.read_only;
        let server = self.server.clone();
        let (transaction, identity) =
            OpenTransaction::begin_postgres(connection, begin, server, must_write).await?;
        Ok(Begun { transaction, identity })
    }

    fn record_connections(&self) {
        let (size, idle) = if self.connection.get_database_backend() == DbBackend::Postgres {
            let pool = self.connection.get_postgres_connection_pool();
            (pool.size(), pool.num_idle())
        } else {
            let pool = self.connection.get_sqlite_connection_pool();
            (pool.size(), pool.num_idle())
        };
        let idle = u32::try_from(idle).unwrap_or(u32::MAX);
        gauge!("database_pool_connections", "pool" => self.name(), "state" => "open").set(size);
        gauge!("database_pool_connections", "pool" => self.name(), "state" => "idle").set(idle);
        gauge!("database_pool_connections", "pool" => self.name(), "state" => "in_use")
            .set(size.saturating_sub(idle));
    }
}

/// Counts a task in `database_pool_waiting` until it is dropped, which includes cancellation.
struct Waiting<'a>(&'a Pool);

impl<'a> Waiting<'a> {
    fn new(pool: &'a Pool) -> Self {
        let waiting = pool.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        gauge!("database_pool_waiting", "pool" => pool.name()).set(waiting);
        Self(pool)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let waiting = self.0.waiting.fetch_sub(1, Ordering::Relaxed) - 1;
        gauge!("database_pool_waiting", "pool" => self.0.name()).set(waiting);
    }
}

/// The server with the settings of this crate.
fn configured(name: &str, options: PgConnectOptions, settings: &Settings) -> PgConnectOptions {
    if let Some(warning) = tls_warning(&options, Some(settings.app_env), &describe_postgres(&options)) {
        tracing::warn!(pool = name, "{warning}");
    }
    options
        .application_name(&settings.application_name)
        .statement_cache_capacity(settings.statement_cache)
        // PgBouncer rejects this start-up parameter. The server's default, 1, is the shortest exact output as well.
        .extra_float_digits(None)
        .log_statements(log::LevelFilter::Trace)
        .log_slow_statements(log::LevelFilter::Warn, settings.slow_statement)
}

fn postgres(
    options: PgConnectOptions,
    settings: &Settings,
    server: Server,
    failover: Option<Arc<Failover>>,
    own: &OwnPool,
) -> DatabaseConnection {
    // Half of the acquire timeout: if the idle connection is dead, the other half remains to open a new one.
    let alive = settings.acquire_timeout / 2;
    let pre_ping = settings.pre_ping;
    let identify = settings.signing_key.is_some();
    let (connected, released) = (server.clone(), server);
    let former = failover.clone();
    let (size, seen) = (settings.pool_size, Arc::clone(own));
    let pool = PgPoolOptions::new()
        .max_connections(settings.pool_size.saturating_add(settings.max_overflow))
        .after_connect(move |connection, _| {
            let (server, failover) = (connected.clone(), failover.clone());
            Box::pin(async move {
                if let Some(failover) = failover {
                    failover.check(connection).await?;
                }
                match server.timeouts() {
                    Some(timeouts) => timeouts.set(connection).await,
                    None => Ok(()),
                }
            })
        })
        // sqlx's own ping has no timeout.
        .test_before_acquire(false)
        .before_acquire(move |connection, metadata| {
            let is_former = former.as_ref().is_some_and(|failover| failover.is_former(metadata.age));
            Box::pin(async move {
                if is_former {
                    return Err(std::io::Error::other("it leads to a former primary").into());
                }
                if pre_ping && metadata.idle_for >= FRESH {
                    within(Some(alive), connection.ping()).await??;
                }
                Ok(true)
            })
        })
        .max_lifetime(or_never(settings.recycle))
        .acquire_timeout(settings.acquire_timeout)
        .idle_timeout(or_never(settings.idle_timeout))
        // A released connection is closed if it exceeds the pool's size, having been opened for a burst, or if its rollback
        // gets no response: sqlx itself would wait without a timeout.
        .after_release(move |connection, _| {
            let own = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let keep = own.as_ref().is_none_or(|pool| pool.size() <= size);
            drop(own);
            let server = released.clone();
            Box::pin(async move {
                let release = session::release(connection, &server, identify);
                Ok(keep && within(Some(alive), release).await??)
            })
        })
        .connect_lazy_with(options);
    *own.lock().unwrap_or_else(PoisonError::into_inner) = Some(pool.clone());
    SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
}

/// `None` for zero, with which sqlx would close a connection at once.
fn or_never(time: Duration) -> Option<Duration> {
    (!time.is_zero()).then_some(time)
}

async fn sqlite(url: &Url, settings: &Settings) -> Result<DatabaseConnection, Error> {
    let options = url
        .expose()
        .parse::<SqliteConnectOptions>()?
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(settings.acquire_timeout)
        .log_statements(log::LevelFilter::Trace)
        .log_slow_statements(log::LevelFilter::Warn, settings.slow_statement);
    let pool = SqlitePoolOptions::new()
        .max_connections(settings.pool_size)
        .acquire_timeout(settings.acquire_timeout)
        .idle_timeout(or_never(settings.idle_timeout))
        .connect_with(options)
        .await?;
    Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
}
