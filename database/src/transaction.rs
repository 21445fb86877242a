//! Transactions, whose type is the tenant scope.

#![expect(
    clippy::disallowed_methods,
    reason = "binds the role and the tenant, and forwards statements to the connection"
)]

use crate::actor::BoundActor;
use crate::deadline::within;
use crate::driver::{OpenTransaction, Rows};
use crate::error::{demoted, no_response, without_values};
use crate::observe::Watch;
use crate::shard::{Place, Reach};
use crate::{Error, Position, Settings};
use entity::enums::UserRole;
use entity::id::OrganizationId;
use futures_util::stream::{StreamExt, TryStreamExt};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement, StreamTrait, Value};
use sea_query::SelectStatement;
use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The time after the statement timeout that the client waits for the server's error.
const GRACE: Duration = Duration::from_secs(5);

/// The name of statements that the application runs without [`Tx::named`].
const UNNAMED: &str = "unnamed";

/// Sets the timeouts for an admin transaction behind a pooler.
const TIMEOUTS: &str = "select set_config('statement_timeout', $1, true), \
    set_config('idle_in_transaction_session_timeout', $2, true), set_config('jit', 'off', true)";

/// Binds an actor on a connection that has its timeouts.
const BIND: &str = "select set_config('role', 'customer', true), bind_actor($1, $2, $3) as role";

/// The same behind a pooler.
const BIND_WITH_TIMEOUTS: &str = "select set_config('statement_timeout', $4, true), \
    set_config('idle_in_transaction_session_timeout', $5, true), set_config('jit', 'off', true), \
    set_config('role', 'customer', true), bind_actor($1, $2, $3) as role";

/// The limits of each transaction.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    statement_timeout: Duration,
    idle_in_transaction_timeout: Duration,
    long_transaction: Duration,
}

impl Limits {
    pub(crate) fn of(settings: &Settings) -> Self {
        let Settings { statement_timeout, idle_in_transaction_timeout, long_transaction, .. } = *settings;
        Self { statement_timeout, idle_in_transaction_timeout, long_transaction }
    }

    /// The values of the timeouts.
    fn values(self) -> [Value; 2] {
        [self.statement_timeout, self.idle_in_transaction_timeout]
            .map(|time| time.as_millis().to_string().into())
    }

    /// The limit of the client's wait for a response; `None`: no limit.
    fn response(self) -> Option<Duration> {
        (!self.statement_timeout.is_zero()).then(|| self.statement_timeout + GRACE)
    }
}

/// Returns [`Error::IsolationLevel`] unless `found`, the transaction's isolation level, is READ COMMITTED.
///
/// A query that waits for a lock and then reads in a second statement needs it: in the stricter levels the second
/// statement reads the snapshot of the first, which lacks what the former holder of the lock committed
/// (<https://www.postgresql.org/docs/15/transaction-iso.html>).
pub(crate) fn require_read_committed(query: &'static str, found: String) -> Result<(), Error> {
    const REQUIRED: &str = "read committed";
    if found == REQUIRED { Ok(()) } else { Err(Error::IsolationLevel { query, required: REQUIRED, found }) }
}

/// The tenant scope of a transaction: [`Admin`] or [`Customer`]. It is sealed: no other crate can define a scope.
pub trait Scope: sealed::Sealed + fmt::Debug + Send + Sync {}

mod sealed {
    /// The supertrait that other crates cannot name.
    pub trait Sealed {}
    impl Sealed for super::Admin {}
    impl Sealed for super::Customer {}
}

/// The owner's scope: all rows, because Row Level Security does not apply to the owner of a table.
#[derive(Clone, Copy, Debug)]
pub struct Admin(());

/// The scope of one organization's rows.
#[derive(Clone, Copy, Debug)]
pub struct Customer {
    actor: BoundActor,
    role: Option<UserRole>,
}

impl Scope for Admin {}
impl Scope for Customer {}

/// A transaction that sees all rows.
pub type AdminTx = Tx<Admin>;

/// A transaction that is limited to the rows of one organization.
pub type CustomerTx = Tx<Customer>;

/// A transaction in the scope `S`. Unless [committed](Tx::commit) it is rolled back, also if its future is cancelled.
///
/// A statement of the application's own may contain what an attacker injected, and leave more on the connection than the
/// transaction: a session setting, a temporary table, a cursor. [`Tx::commit`] and [`Tx::rollback`] remove it; after a drop
/// the pool does, or closes the connection. A transaction that ran only queries of this crate leaves nothing.
///
/// It implements SeaORM's [`ConnectionTrait`] and [`StreamTrait`], for an application's own queries in the same scope.
#[must_use = "a transaction that is not committed is rolled back"]
pub struct Tx<S> {
    inner: OpenTransaction,
    scope: S,
    /// Whether a statement failed, after which PostgreSQL responds to COMMIT with a rollback.
    failed: AtomicBool,
    /// The limit of each call; `None`: no limit.
    limit: Option<Duration>,
    watch: Watch,
    /// Where statements run that the coordinator of a distributed database does not send to a shard.
    place: Place,
}

impl<S: Scope> Tx<S> {
    /// Returns the transaction for statements whose span and metrics carry `name`.
    ///
    /// The queries of this crate are named `table.function`, as in `contacts.claim_due`. An application can name its own
    /// queries in the same way; without a name they are `unnamed`.
    pub fn named(&self, name: &'static str) -> Named<'_, S> {
        Named { tx: self, name, ours: false }
    }

    /// As [`Tx::named`], for a query of this crate.
    pub(crate) fn query(&self, name: &'static str) -> Named<'_, S> {
        Named { tx: self, name, ours: true }
    }

    /// As [`Tx::query`], for SQL that only PostgreSQL accepts.
    pub(crate) fn postgres(&self, name: &'static str) -> Result<Named<'_, S>, Error> {
        match self.inner.backend() {
            DbBackend::Postgres => Ok(self.query(name)),
            _ => Err(Error::PostgresRequired { query: name }),
        }
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// Any error, if a statement of the transaction failed and the transaction was not rolled back to a savepoint: the
    /// server then rolls back instead. [`Error::Unavailable`]: the connection was lost, and it is unknown whether the server
    /// committed.
    pub async fn commit(self) -> Result<(), Error> {
        self.check().await?;
        Ok(self.inner.commit(self.limit).await??)
    }

    /// As [`Tx::commit`], and returns a position from which [`Database::read_after`](crate::Database::read_after) sees the
    /// commit. It costs one more statement.
    ///
    /// If that statement fails, the transaction is committed nevertheless, and the reads from the returned position go to
    /// the primary.
    ///
    /// # Errors
    /// Those of [`Tx::commit`].
    pub async fn commit_at(self) -> Result<Position, Error> {
        self.check().await?;
        Ok(self.inner.commit_at(self.limit).await??)
    }

    /// Rolls the transaction back, and returns once the server has. Dropping the transaction rolls it back in the background.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: the connection was lost, on which the server rolls back.
    pub async fn rollback(self) -> Result<(), Error> {
        Ok(self.inner.rollback(self.limit).await??)
    }

    /// Returns an error if the transaction has failed, in which case COMMIT would succeed with a rollback.
    async fn check(&self) -> Result<(), Error> {
        if self.failed.load(Ordering::Relaxed) {
            // Any other statement is an error in a failed transaction.
            within(self.limit, self.inner.execute_unprepared("select 1")).await??;
        }
        Ok(())
    }

    async fn run<T>(
        &self,
        name: &'static str,
        ours: bool,
        call: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        if !ours {
            self.inner.may_leave_traces();
        }
        let call = async { within(self.limit, call).await.unwrap_or_else(|error| Err(no_response(error))) };
        self.watch.query(name, call).await.map_err(|error| self.fail(error))
    }

    fn fail(&self, error: DbErr) -> DbErr {
        self.failed.store(true, Ordering::Relaxed);
        if self.inner.is_demoted(&error) { demoted() } else { without_values(error) }
    }
}

impl AdminTx {
    /// Sets the timeouts for this transaction, unless its connection has them.
    pub(crate) async fn bind(inner: OpenTransaction, limits: Limits, place: Place) -> Result<Self, Error> {
        let watch = Watch::new("admin", None, limits.long_transaction);
        let failed = AtomicBool::new(false);
        if inner.backend() != DbBackend::Postgres {
            return Ok(Self { inner, scope: Admin(()), failed, limit: None, watch, place });
        }
        let limit = limits.response();
        if !inner.has_timeouts() {
            let settings = Statement::from_sql_and_values(DbBackend::Postgres, TIMEOUTS, limits.values());
            within(limit, inner.execute(settings)).await??;
        }
        Ok(Self { inner, scope: Admin(()), failed, limit, watch, place })
    }

    /// Returns a statement in the form that runs it on each shard of a database that `ops distribute` distributed, one after the
    /// other, and returns all rows; unchanged if it is not distributed. `columns` are those of the rows with their types, as in
    /// `id uuid, state text`.
    ///
    /// On a shard, the names of tables are those of the shard, and a table that has no organization is a copy, which must not
    /// be written. A parameter is a value; a name of a table in single quotes is a value as well.
    #[must_use]
    pub fn on_each_shard(&self, statement: Statement, columns: &str) -> Statement {
        self.place.statement(statement, columns, Reach::All)
    }
}

impl CustomerTx {
    /// Sets the role, and lets the server verify the actor and set it, for this transaction only: the connection's next one
    /// may belong to another organization. Sets the timeouts as well, unless the connection has them.
    pub(crate) async fn bind(
        mut inner: OpenTransaction,
        actor: BoundActor,
        context: Option<String>,
        limits: Limits,
        place: Place,
    ) -> Result<Self, Error> {
        let user = actor.user().map(|user| *user.as_uuid());
        let actor_values = [(*actor.organization().as_uuid()).into(), user.into(), context.into()];
        let settings = if inner.has_timeouts() {
            Statement::from_sql_and_values(DbBackend::Postgres, BIND, actor_values)
        } else {
            let values = actor_values.into_iter().chain(limits.values());
            Statement::from_sql_and_values(DbBackend::Postgres, BIND_WITH_TIMEOUTS, values)
        };
        let limit = limits.response();
        let row = within(limit, inner.query_one(settings)).await??.ok_or(Error::NotFound("row"))?;
        let role = row.try_get("", "role")?;
        if role == Some(UserRole::Viewer) {
            inner.only_reads();
        }
        let watch = Watch::new("customer", Some(actor), limits.long_transaction);
        let scope = Customer { actor, role };
        Ok(Self { inner, scope, failed: AtomicBool::new(false), limit, watch, place })
    }

    /// Returns the actor of the transaction.
    #[must_use]
    pub fn actor(&self) -> BoundActor {
        self.scope.actor
    }

    /// Returns the organization of the actor.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.scope.actor.organization()
    }

    /// Returns the role of the acting user, as the server found it in `users`; `None`: a program acts. The transaction of a
    /// viewer is read-only.
    #[must_use]
    pub fn role(&self) -> Option<UserRole> {
        self.scope.role
    }
}

impl<S: fmt::Debug> fmt::Debug for Tx<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tx").field(&self.scope).finish()
    }
}

/// A transaction whose statements carry a name; see [`Tx::named`].
#[derive(Debug)]
pub struct Named<'tx, S> {
    tx: &'tx Tx<S>,
    name: &'static str,
    /// Whether this crate wrote the statements: their text is fixed, and their values are bound.
    ours: bool,
}

impl<S> Named<'_, S> {
    /// Returns a statement that the planner of Citus does not send to a shard in the form that runs there; unchanged unless
    /// the database is distributed. `columns` are those of its rows, with their types.
    pub(crate) fn on_shard(&self, statement: Statement, columns: &str, reach: Reach) -> Statement {
        self.tx.place.statement(statement, columns, reach)
    }
}

impl<S: Scope> Named<'_, S> {
    /// Returns the rows of a query that Citus sends to the shard of a customer, and in an admin transaction to no shard: those of
    /// each one.
    pub(crate) async fn rows_of_shards(
        &self,
        select: &SelectStatement,
        columns: &str,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let statement = self.tx.inner.backend().build(select);
        let is_sent = self.tx.place == Place::Bound;
        self.query_all_raw(if is_sent { statement } else { self.on_shard(statement, columns, Reach::All) })
            .await
    }
}

impl<S> Deref for Named<'_, S> {
    type Target = Tx<S>;

    fn deref(&self) -> &Tx<S> {
        self.tx
    }
}

#[async_trait::async_trait]
impl<S: Scope> ConnectionTrait for Named<'_, S> {
    fn get_database_backend(&self) -> DbBackend {
        self.tx.inner.backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.tx.run(self.name, self.ours, self.tx.inner.execute(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.tx.run(self.name, self.ours, self.tx.inner.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.tx.run(self.name, self.ours, self.tx.inner.query_one(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.tx.run(self.name, self.ours, self.tx.inner.query_all(statement)).await
    }
}

#[async_trait::async_trait]
impl<S: Scope> ConnectionTrait for Tx<S> {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.run(UNNAMED, false, self.inner.execute(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.run(UNNAMED, false, self.inner.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.run(UNNAMED, false, self.inner.query_one(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.run(UNNAMED, false, self.inner.query_all(statement)).await
    }
}

/// The future that [`StreamTrait`] requires.
type Opening<'a> = Pin<Box<dyn Future<Output = Result<Rows<'a>, DbErr>> + 'a + Send>>;

impl<S: Scope> Tx<S> {
    fn open<'a>(&'a self, name: &'static str, ours: bool, statement: Statement) -> Opening<'a> {
        Box::pin(async move {
            let rows = self.run(name, ours, self.inner.stream(statement, self.limit)).await?;
            Ok(rows.map_err(|error| self.fail(error)).boxed() as Rows<'a>)
        })
    }
}

impl<'tx, S: Scope> StreamTrait for Named<'tx, S> {
    type Stream<'a>
        = Rows<'tx>
    where
        Self: 'a;

    fn get_database_backend(&self) -> DbBackend {
        self.tx.inner.backend()
    }

    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        self.tx.open(self.name, self.ours, statement)
    }
}

impl<S: Scope> StreamTrait for Tx<S> {
    type Stream<'a>
        = Rows<'a>
    where
        Self: 'a;

    fn get_database_backend(&self) -> DbBackend {
        self.inner.backend()
    }

    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        self.open(UNNAMED, false, statement)
    }
}
