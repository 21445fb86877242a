//! The handle of an application: the pools, and the transactions that begin on them.

use crate::actor::BoundActor;
use crate::deadline::{sleep, within};
use crate::error::{Error, Fault};
use crate::pool::{Begun, Pool};
use crate::position::Position;
use crate::replica::{Replicas, count};
use crate::session::{self, Begin};
use crate::settings::Settings;
use crate::shard::{self, Place};
use crate::signature;
use crate::startup;
use crate::transaction::{AdminTx, CustomerTx, Limits, Scope, Tx};
use environment::{AppEnv, SigningKey};
use sea_orm::DbBackend;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The maximum number of runs of a closure's transaction, after serialization failures and deadlocks.
const ATTEMPTS: u32 = 5;

/// The maximum pause before the second run; it doubles with each further run.
const PAUSE: Duration = Duration::from_millis(20);

/// The connection pools, on which every transaction begins. A clone is cheap and shares the pools.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
    /// Where statements of admin transactions run that the coordinator of a distributed database does not send to a shard.
    place: Place,
}

struct Inner {
    admin: Pool,
    /// `None`: customer transactions use the admin pool, and the owner takes the role `customer`, as in development.
    customer: Option<Pool>,
    replicas: Replicas,
    limits: Limits,
    /// Signs the actor of each customer transaction. `None`: the server accepts what the application sets.
    signing_key: Option<SigningKey>,
}

impl Database {
    /// Opens the pools, and checks that Row Level Security limits the customer login, that the settings are those that a
    /// pooler in between requires, and that no migration is pending.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: the server is unreachable. [`Error::Refused`]: a check failed. [`Error::Settings`]:
    /// production without `CUSTOMER_DATABASE_URL`.
    pub async fn connect(settings: &Settings) -> Result<Self, Error> {
        let admin = Pool::open("admin", &settings.database_url, settings).await?;
        let checks = async {
            let db = admin.begin(Begin::default()).await?.transaction;
            startup::check_pooler(&db, "DATABASE_URL").await?;
            startup::check_migrations(&db, settings.require_migrations).await?;
            startup::check_signing(&db, settings).await?;
            startup::is_distributed(&db).await
        };
        let is_distributed = within(admin.limit(), checks).await??;
        let customer = match &settings.customer_database_url {
            Some(_) if admin.backend() == DbBackend::Sqlite => {
                return Err(Error::SqliteHasNoCustomers);
            }
            Some(url) => {
                let customer = Pool::open("customer", url, settings).await?;
                let checks = async {
                    let db = customer.begin(Begin::default()).await?.transaction;
                    startup::check_pooler(&db, "CUSTOMER_DATABASE_URL").await?;
                    startup::check_customer(&db, "CUSTOMER_DATABASE_URL").await
                };
                within(customer.limit(), checks).await??;
                Some(customer)
            }
            None if settings.app_env == AppEnv::Production => {
                let variable = "CUSTOMER_DATABASE_URL";
                return Err(crate::SettingsError::Missing { variable }.into());
            }
            None => None,
        };
        let replicas = Replicas::open(settings, &admin).await?;
        let (limits, signing_key) = (Limits::of(settings), settings.signing_key.clone());
        let place = if is_distributed { Place::Each } else { Place::Whole };
        Ok(Self { inner: Arc::new(Inner { admin, customer, replicas, limits, signing_key }), place })
    }

    /// As [`Database::connect`], for the pool of admin transactions only: for programs of operators, which have neither a
    /// customer login nor a signing key. In a database with signing keys a customer transaction is refused.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: the server is unreachable. [`Error::Refused`]: a check failed.
    pub async fn connect_admin(settings: &Settings) -> Result<Self, Error> {
        let admin = Pool::open("admin", &settings.database_url, settings).await?;
        let checks = async {
            let db = admin.begin(Begin::default()).await?.transaction;
            startup::check_pooler(&db, "DATABASE_URL").await?;
            startup::check_migrations(&db, settings.require_migrations).await?;
            startup::is_distributed(&db).await
        };
        let is_distributed = within(admin.limit(), checks).await??;
        let limits = Limits::of(settings);
        let place = if is_distributed { Place::Each } else { Place::Whole };
        Ok(Self {
            inner: Arc::new(Inner {
                admin,
                customer: None,
                replicas: Replicas::default(),
                limits,
                signing_key: None,
            }),
            place,
        })
    }

    /// Returns whether `ops distribute` had distributed the database over several nodes when the pools were opened.
    #[must_use]
    pub fn is_distributed(&self) -> bool {
        self.place != Place::Whole
    }

    /// Returns a handle on the same pools for each shard of a distributed database that has an organization, or else one for the
    /// whole database, which costs no statement.
    ///
    /// In an admin transaction of such a handle, a query of all organizations that locks or changes rows concerns one shard, so
    /// that its order and a position after which it continues are those of one table:
    /// [`email_notifications::delete_final`](crate::email_notifications::delete_final) and
    /// [`events::delete_published`](crate::events::delete_published).
    ///
    /// # Errors
    /// Those of [`Database::admin`].
    pub async fn shards(&self) -> Result<Vec<Self>, Error> {
        if self.place != Place::Each {
            return Ok(vec![self.clone()]);
        }
        let list = async {
            let db = self.inner.admin.begin(Begin::default()).await?.transaction;
            shard::organizations(&db).await
        };
        let organizations = within(self.inner.admin.limit(), list).await??;
        let on = |organization| Self { inner: Arc::clone(&self.inner), place: Place::Of(organization) };
        Ok(organizations.into_iter().map(on).collect())
    }

    /// Begins a transaction that sees all rows.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if no connection is free within the acquire timeout.
    pub async fn admin(&self) -> Result<AdminTx, Error> {
        let begun = self.inner.admin.begin(Begin::default()).await?;
        AdminTx::bind(begun.transaction, self.inner.limits, self.place).await
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
        let begun = self.primary_of_customers()?.begin(self.beginning(false)).await?;
        self.bind(begun, actor.into()).await
    }

    /// Begins a read-only transaction that is limited to the rows of the actor's organization, on a replica of
    /// `REPLICA_DATABASE_URL` or else on the primary. A write in it is [`Error::Forbidden`].
    ///
    /// On a replica it sees the rows of a moment ago, at most as long as `REPLICA_MAX_LAG_MS`; to see one's own writes use
    /// [`Database::read_after`]. There, a statement that conflicts with what the replica replays is [`Error::Retry`].
    ///
    /// # Errors
    /// Those of [`Database::customer`].
    pub async fn read(&self, actor: impl Into<BoundActor>) -> Result<CustomerTx, Error> {
        self.read_at(actor.into(), None).await
    }

    /// As [`Database::read`], in a transaction that sees every commit up to `position`. Waits at most `REPLICA_WAIT_MS` for
    /// a replica, and then begins on the primary.
    ///
    /// # Errors
    /// Those of [`Database::customer`].
    pub async fn read_after(
        &self,
        actor: impl Into<BoundActor>,
        position: Position,
    ) -> Result<CustomerTx, Error> {
        self.read_at(actor.into(), Some(position)).await
    }

    async fn read_at(&self, actor: BoundActor, position: Option<Position>) -> Result<CustomerTx, Error> {
        let primary = self.primary_of_customers()?;
        let begin = self.beginning(true);
        if let Some(begun) = self.inner.replicas.begin(begin, position, primary).await {
            match self.bind(begun, actor).await {
                Ok(tx) => {
                    count("replica");
                    return Ok(tx);
                }
                // The replica may not have replayed the actor, or the key, yet: the primary decides.
                Err(Error::Actor(_) | Error::Retry | Error::Unavailable(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let tx = self.bind(primary.begin(begin).await?, actor).await?;
        count("primary");
        Ok(tx)
    }

    /// Returns a position that covers every commit so far, of this and of other programs. After
    /// [`Database::with_customer`], [`Database::read_after`] sees from it what the closure wrote.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: the primary is unreachable. [`Error::PostgresRequired`].
    pub async fn position(&self) -> Result<Position, Error> {
        let pool = &self.inner.admin;
        if pool.backend() != DbBackend::Postgres {
            return Err(Error::PostgresRequired { query: "Database::position" });
        }
        let call = async { Ok(session::position(&mut *pool.acquire().await?, session::INSERTED).await?) };
        within(pool.limit(), Box::pin(call)).await?
    }

    /// The pool of customer transactions on the primary.
    fn primary_of_customers(&self) -> Result<&Pool, Error> {
        let pool = self.inner.customer.as_ref().unwrap_or(&self.inner.admin);
        if pool.backend() == DbBackend::Postgres { Ok(pool) } else { Err(Error::SqliteHasNoCustomers) }
    }

    fn beginning(&self, read_only: bool) -> Begin {
        Begin { identify: self.inner.signing_key.is_some(), read_only }
    }

    async fn bind(&self, begun: Begun, actor: BoundActor) -> Result<CustomerTx, Error> {
        let key = self.inner.signing_key.as_ref();
        let context =
            key.zip(begun.identity).map(|(key, identity)| signature::context(key, actor, &identity));
        let place = if self.is_distributed() { Place::Bound } else { Place::Whole };
        CustomerTx::bind(begun.transaction, actor, context, self.inner.limits, place).await
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
        self.inner.admin.close().await?;
        if let Some(customer) = &self.inner.customer {
            customer.close().await?;
        }
        self.inner.replicas.close().await
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let customer_login = self.inner.customer.is_some();
        f.debug_struct("Database").field("customer_login", &customer_login).finish_non_exhaustive()
    }
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
