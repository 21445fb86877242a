//! Connection pools, and the transactions that begin on them.

use crate::actor::BoundActor;
use crate::deadline::{sleep, within};
use crate::driver::OpenTransaction;
use crate::error::{Error, Fault};
use crate::session::{self, Timeouts};
use crate::settings::{Settings, Url};
use crate::signature;
use crate::startup;
use crate::transaction::{AdminTx, CustomerTx, Limits, Scope, Tx};
use environment::{AppEnv, SigningKey, describe_postgres, parse_postgres, tls_warning};
use metrics::{gauge, histogram};
use sea_orm::{DatabaseConnection, DbBackend, SqlxPostgresConnector, SqlxSqliteConnector, TransactionTrait};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection};
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The maximum number of runs of a closure's transaction, after serialization failures and deadlocks.
const ATTEMPTS: u32 = 5;

/// The maximum pause before the second run; it doubles with each further run.
const PAUSE: Duration = Duration::from_millis(20);

/// The idle time during which a connection is used without a ping: it responded when it was released.
const FRESH: Duration = Duration::from_millis(500);

/// The connection pools, on which every transaction begins. A clone is cheap and shares the pools.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    admin: Pool,
    /// `None`: customer transactions use the admin pool, and the owner takes the role `customer`, as in development.
    customer: Option<Pool>,
    limits: Limits,
    /// Signs the actor of each customer transaction. `None`: the server accepts what the application sets.
    signing_key: Option<SigningKey>,
}

struct Pool {
    name: &'static str,
    connection: DatabaseConnection,
    /// The limit of the time to begin a transaction; `None` for SQLite, which has its busy timeout.
    limit: Option<Duration>,
    waiting: AtomicU32,
    /// Those of each session; `None`: each transaction sets its own.
    timeouts: Option<Timeouts>,
    own: OwnPool,
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

impl Database {
    /// Opens the pools, and checks that Row Level Security limits the customer login and that no migration is pending.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: the server is unreachable. [`Error::Refused`]: a check failed. [`Error::Settings`]:
    /// production without `CUSTOMER_DATABASE_URL`.
    pub async fn connect(settings: &Settings) -> Result<Self, Error> {
        let admin = Pool::open("admin", &settings.database_url, settings).await?;
        let checks = async {
            let db = admin.begin(false).await?.0;
            startup::check_migrations(&db, settings.require_migrations).await?;
            startup::check_signing(&db, settings).await
        };
        within(admin.limit, checks).await??;
        let customer = match &settings.customer_database_url {
            Some(_) if admin.connection.get_database_backend() == DbBackend::Sqlite => {
                return Err(Error::SqliteHasNoCustomers);
            }
            Some(url) => {
                let customer = Pool::open("customer", url, settings).await?;
                let checks = async { startup::check_customer(&customer.begin(false).await?.0).await };
                within(customer.limit, checks).await??;
                Some(customer)
            }
            None if settings.app_env == AppEnv::Production => {
                let variable = "CUSTOMER_DATABASE_URL";
                return Err(crate::SettingsError::Missing { variable }.into());
            }
            None => None,
        };
        let (limits, signing_key) = (Limits::of(settings), settings.signing_key.clone());
        Ok(Self { inner: Arc::new(Inner { admin, customer, limits, signing_key }) })
    }

    /// Opens the pool of admin transactions only, and checks that no migration is pending: for programs of operators, which
    /// have neither a customer login nor a signing key. In a database with signing keys a customer transaction is refused.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: the server is unreachable. [`Error::Refused`]: a migration is pending.
    pub async fn connect_admin(settings: &Settings) -> Result<Self, Error> {
        let admin = Pool::open("admin", &settings.database_url, settings).await?;
        let check = async {
            startup::check_migrations(&admin.begin(false).await?.0, settings.require_migrations).await
        };
        within(admin.limit, check).await??;
        let limits = Limits::of(settings);
        Ok(Self { inner: Arc::new(Inner { admin, customer: None, limits, signing_key: None }) })
    }

    /// Begins a transaction that sees all rows.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if no connection is free within the acquire timeout.
    pub async fn admin(&self) -> Result<AdminTx, Error> {
        AdminTx::bind(self.inner.admin.begin(false).await?.0, self.inner.limits).await
    }

    /// Begins a transaction that is limited to the rows of the actor's organization.
    ///
    /// The server verifies the actor before it binds it: the organization and the user exist and are not deleted, and the
    /// user is a member. The transaction of a user whose role is `viewer` is read-only.
    ///
    /// # Errors
    /// [`Error::Actor`]: the server refused the actor. [`Error::SqliteHasNoCustomers`]. [`Error::Unavailable`] if no
    /// connection is free within the acquire timeout.
    pub async fn customer(&self, actor: impl Into<BoundActor>) -> Result<CustomerTx, Error> {
        let actor = actor.into();
        let pool = self.inner.customer.as_ref().unwrap_or(&self.inner.admin);
        if pool.connection.get_database_backend() != DbBackend::Postgres {
            return Err(Error::SqliteHasNoCustomers);
        }
        let key = self.inner.signing_key.as_ref();
        let (transaction, identity) = pool.begin(key.is_some()).await?;
        let context = key.zip(identity).map(|(key, identity)| signature::context(key, actor, &identity));
        CustomerTx::bind(transaction, actor, context, self.inner.limits).await
    }

    /// Runs `work` in an admin transaction and commits it. After a serialization failure or a deadlock it runs again in a
    /// new transaction, at most five times in total.
    ///
    /// `work` is an `async |tx| …` without `move`, because it can run more than once. It receives the transaction in an
    /// [`Arc`] instead of a reference, because with a reference the compiler cannot prove that the future is [`Send`], and
    /// it could not be spawned.
    ///
    /// # Errors
    /// The last error of `work` or the commit.
    pub async fn with_admin<T, Work>(&self, work: impl Fn(Arc<AdminTx>) -> Work) -> Result<T, Error>
    where
        Work: Future<Output = Result<T, Error>>,
    {
        let mut attempt = 1;
        loop {
            let result = async {
                let tx = Arc::new(self.admin().await?);
                let done = work(Arc::clone(&tx)).await;
                end(tx, done).await
            };
            match result.await {
                Err(Error::Retry) if attempt < ATTEMPTS => pause(&mut attempt).await,
                result => return result,
            }
        }
    }

    /// Runs `work` in a customer transaction and commits it. After a serialization failure or a deadlock it runs again in a
    /// new transaction, at most five times in total.
    ///
    /// ```no_run
    /// # use database::{Database, Error, Actor, campaigns};
    /// # use entity::{enums::CampaignStatus, id::CampaignId};
    /// # async fn example(database: Database, actor: Actor, id: CampaignId) -> Result<(), Error> {
    /// database
    ///     .with_customer(actor, async |tx| campaigns::transition(&tx, id, CampaignStatus::Paused).await)
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    /// For `work` see [`Database::with_admin`].
    ///
    /// # Errors
    /// The last error of `work` or the commit.
    pub async fn with_customer<T, Work>(
        &self,
        actor: impl Into<BoundActor>,
        work: impl Fn(Arc<CustomerTx>) -> Work,
    ) -> Result<T, Error>
    where
        Work: Future<Output = Result<T, Error>>,
    {
        let actor = actor.into();
        let mut attempt = 1;
        loop {
            let result = async {
                let tx = Arc::new(self.customer(actor).await?);
                let done = work(Arc::clone(&tx)).await;
                end(tx, done).await
            };
            match result.await {
                Err(Error::Retry) if attempt < ATTEMPTS => pause(&mut attempt).await,
                result => return result,
            }
        }
    }

    /// Closes the pools, once the open transactions have ended.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: a connection was lost before it could be closed.
    pub async fn close(self) -> Result<(), Error> {
        self.inner.admin.connection.close_by_ref().await?;
        if let Some(customer) = &self.inner.customer {
            customer.connection.close_by_ref().await?;
        }
        Ok(())
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let customer_login = self.inner.customer.is_some();
        f.debug_struct("Database").field("customer_login", &customer_login).finish_non_exhaustive()
    }
}

impl Pool {
    async fn open(name: &'static str, url: &Url, settings: &Settings) -> Result<Self, Error> {
        let own = OwnPool::default();
        // A pooler that shares connections of the server needs a client that prepares no statements.
        let timeouts = (settings.statement_cache > 0)
            .then(|| Timeouts::new(settings.statement_timeout, settings.idle_in_transaction_timeout));
        let (connection, limit) = if url.is_sqlite() {
            (sqlite(url, settings).await?, None)
        } else {
            let pool = postgres(name, url, settings, timeouts.clone(), Arc::clone(&own)).await?;
            (pool, Some(settings.acquire_timeout))
        };
        Ok(Self { name, connection, limit, waiting: AtomicU32::new(0), timeouts, own })
    }

    /// Begins a transaction; with `identify`, the server's name for it is returned as well.
    async fn begin(&self, identify: bool) -> Result<(OpenTransaction, Option<String>), Error> {
        let started = Instant::now();
        let waiting = Waiting::new(self);
        // On the heap: a future that opens a connection is large, and it would be part of each caller's.
        let transaction = within(self.limit, Box::pin(self.begin_now(identify))).await;
        drop(waiting);
        histogram!("database_pool_acquire_seconds", "pool" => self.name).record(started.elapsed());
        self.record_connections();
        transaction?
    }

    async fn begin_now(&self, identify: bool) -> Result<(OpenTransaction, Option<String>), Error> {
        if self.connection.get_database_backend() != DbBackend::Postgres {
            return Ok((OpenTransaction::Sqlite(self.connection.begin().await?), None));
        }
        let pool = self.connection.get_postgres_connection_pool();
        let begin = session::begin(self.timeouts.is_some(), identify);
        Ok(OpenTransaction::begin_postgres(pool, begin, self.timeouts.clone(), identify).await?)
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
        gauge!("database_pool_connections", "pool" => self.name, "state" => "open").set(size);
        gauge!("database_pool_connections", "pool" => self.name, "state" => "idle").set(idle);
        gauge!("database_pool_connections", "pool" => self.name, "state" => "in_use")
            .set(size.saturating_sub(idle));
    }
}

/// Counts a task in `database_pool_waiting` until it is dropped, which includes cancellation.
struct Waiting<'a>(&'a Pool);

impl<'a> Waiting<'a> {
    fn new(pool: &'a Pool) -> Self {
        let waiting = pool.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        gauge!("database_pool_waiting", "pool" => pool.name).set(waiting);
        Self(pool)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let waiting = self.0.waiting.fetch_sub(1, Ordering::Relaxed) - 1;
        gauge!("database_pool_waiting", "pool" => self.0.name).set(waiting);
    }
}

async fn postgres(
    name: &str,
    url: &Url,
    settings: &Settings,
    timeouts: Option<Timeouts>,
    own: OwnPool,
) -> Result<DatabaseConnection, Error> {
    let options: PgConnectOptions = parse_postgres(url.expose())
        .map_err(|error| Error::Refused(format!("the URL of the {name} pool {error}")))?;
    if let Some(warning) = tls_warning(&options, Some(settings.app_env), &describe_postgres(&options)) {
        tracing::warn!(pool = name, "{warning}");
    }
    let options = options
        .application_name(&settings.application_name)
        .statement_cache_capacity(settings.statement_cache)
        // PgBouncer rejects this start-up parameter. The server's default, 1, is the shortest exact output as well.
        .extra_float_digits(None)
        .log_statements(log::LevelFilter::Trace)
        .log_slow_statements(log::LevelFilter::Warn, settings.slow_statement);
    // A connection outside the pool, because the pool retries a refused connection until the acquire timeout, and then
    // reports the timeout instead of the reason.
    within(Some(settings.acquire_timeout), options.connect()).await??.close().await?;
    // Half of the acquire timeout: if the idle connection is dead, the other half remains to open a new one.
    let alive = settings.acquire_timeout / 2;
    let pre_ping = settings.pre_ping;
    let identify = settings.signing_key.is_some();
    let (set, kept) = (timeouts.clone(), timeouts);
    let (size, seen) = (settings.pool_size, Arc::clone(&own));
    let pool = PgPoolOptions::new()
        .max_connections(settings.pool_size.saturating_add(settings.max_overflow))
        .after_connect(move |connection, _| {
            let set = set.clone();
            Box::pin(async move {
                match set {
                    Some(timeouts) => timeouts.set(connection).await,
                    None => Ok(()),
                }
            })
        })
        // sqlx's own ping has no timeout.
        .test_before_acquire(false)
        .before_acquire(move |connection, metadata| {
            Box::pin(async move {
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
            let timeouts = kept.clone();
            Box::pin(async move {
                let release = session::release(connection, timeouts.as_ref(), identify);
                Ok(keep && within(Some(alive), release).await??)
            })
        })
        .connect_lazy_with(options);
    *own.lock().unwrap_or_else(PoisonError::into_inner) = Some(pool.clone());
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
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

/// Commits the transaction of a closure, or rolls it back after an error.
async fn end<S: Scope, T>(tx: Arc<Tx<S>>, done: Result<T, Error>) -> Result<T, Error> {
    let tx = Arc::into_inner(tx);
    match (done, tx) {
        (Ok(done), tx) => tx.ok_or_else(still_referenced)?.commit().await.map(|()| done),
        // A lost connection is not waited for once more.
        (Err(error @ Error::Unavailable(_)), _) | (Err(error), None) => Err(error),
        // Not left to the drop, so that the connection is ready when this returns.
        (Err(error), Some(tx)) => {
            let _ = tx.rollback().await;
            Err(error)
        }
    }
}

/// The error of a closure whose transaction is still referenced after its end.
fn still_referenced() -> Error {
    let message = "the closure kept a reference to its transaction, so it cannot be committed";
    Error::Database(Fault::of_driver(message))
}

/// Sleeps for a random part of a doubling time, so that two transactions that conflicted do not conflict again.
async fn pause(attempt: &mut u32) {
    let longest = PAUSE * 2_u32.pow(*attempt - 1);
    *attempt += 1;
    sleep(longest.mul_f64(fastrand::f64())).await;
}
