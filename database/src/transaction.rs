//! A transaction whose type says whose rows it sees.

use crate::Error;
use crate::deadline::within;
use crate::error::{silent, without_values};
use crate::observe::Query;
use entity::id::{OrganizationId, UserId};
use futures_util::Stream;
use futures_util::stream::{StreamExt, unfold};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement, StreamTrait,
};
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How much longer than the statement timeout the server may take to say so.
const GRACE: Duration = Duration::from_secs(5);

/// On whose behalf a customer's transaction runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The organization whose rows it sees.
    pub organization: OrganizationId,
    /// The person who acts.
    pub user: UserId,
}

/// The scope of all rows: the owner's, which Row Level Security does not restrict.
#[derive(Clone, Copy, Debug)]
pub struct Admin(());

/// The scope of one organization's rows.
#[derive(Clone, Copy, Debug)]
pub struct Customer {
    tenant: Tenant,
}

/// Sees all rows.
pub type AdminTx = Tx<Admin>;

/// Sees one organization's rows, and no others.
pub type CustomerTx = Tx<Customer>;

/// A transaction. It ends with [`Tx::commit`]; dropped before that, also by a cancelled future, it is rolled back.
#[must_use = "a transaction that is not committed is rolled back"]
pub struct Tx<Scope> {
    inner: DatabaseTransaction,
    scope: Scope,
    /// Whether a statement failed, after which PostgreSQL undoes everything at the end.
    failed: AtomicBool,
    /// How long a call may take; `None`: as long as it wants.
    limit: Option<Duration>,
}

impl<Scope> Tx<Scope> {
    /// Makes what was done last.
    ///
    /// # Errors
    /// The server refuses, as after a statement that failed, whose error somebody may have passed over; or it is gone:
    /// then nobody knows whether it was done, unless the caller looks.
    pub async fn commit(self) -> Result<(), Error> {
        if self.failed.load(Ordering::Relaxed) {
            // PostgreSQL answers COMMIT by a rollback, which is no error; any other statement is refused.
            within(self.limit, self.inner.execute_unprepared("select 1")).await??;
        }
        Ok(within(self.limit, self.inner.commit()).await??)
    }

    /// Undoes it at once; dropping the transaction does the same a little later.
    ///
    /// # Errors
    /// The server is gone, and has undone it.
    pub async fn rollback(self) -> Result<(), Error> {
        Ok(within(self.limit, self.inner.rollback()).await??)
    }

    /// Makes the transaction of one that has just begun, by a statement that binds `settings` to it.
    async fn bound(
        inner: DatabaseTransaction,
        scope: Scope,
        statement_timeout: Duration,
        settings: Statement,
    ) -> Result<Self, Error> {
        let limit = (!statement_timeout.is_zero()).then(|| statement_timeout + GRACE);
        within(limit, inner.execute_raw(settings)).await??;
        Ok(Self { inner, scope, failed: AtomicBool::new(false), limit })
    }

    async fn run<T>(&self, query: Query, call: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let call = async { within(self.limit, call).await.unwrap_or_else(|error| Err(silent(error))) };
        query.run(call).await.map_err(|error| self.fail(error))
    }

    fn fail(&self, error: DbErr) -> DbErr {
        self.failed.store(true, Ordering::Relaxed);
        without_values(error)
    }
}

impl AdminTx {
    /// Binds the statement timeout, for this transaction only: the connection is another's afterwards.
    pub(crate) async fn bind(inner: DatabaseTransaction, statement_timeout: Duration) -> Result<Self, Error> {
        if ConnectionTrait::get_database_backend(&inner) != DbBackend::Postgres {
            return Ok(Self { inner, scope: Admin(()), failed: AtomicBool::new(false), limit: None });
        }
        let settings = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select set_config('statement_timeout', $1, true)",
            [statement_timeout.as_millis().to_string().into()],
        );
        Self::bound(inner, Admin(()), statement_timeout, settings).await
    }
}

impl CustomerTx {
    /// Takes the role and binds the tenant, for this transaction only: the connection is another tenant's afterwards.
    pub(crate) async fn bind(
        inner: DatabaseTransaction,
        tenant: Tenant,
        statement_timeout: Duration,
    ) -> Result<Self, Error> {
        let settings = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select set_config('statement_timeout', $1, true), set_config('app.user_id', $2, true), \
                    set_config('app.organization_id', $3, true), set_config('role', 'customer', true)",
            [
                statement_timeout.as_millis().to_string().into(),
                tenant.user.as_uuid().to_string().into(),
                tenant.organization.as_uuid().to_string().into(),
            ],
        );
        Self::bound(inner, Customer { tenant }, statement_timeout, settings).await
    }

    /// On whose behalf it runs.
    #[must_use]
    pub fn tenant(&self) -> Tenant {
        self.scope.tenant
    }
}

impl<Scope: fmt::Debug> fmt::Debug for Tx<Scope> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tx").field(&self.scope).finish()
    }
}

#[async_trait::async_trait]
impl<Scope: Send + Sync> ConnectionTrait for Tx<Scope> {
    fn get_database_backend(&self) -> DbBackend {
        ConnectionTrait::get_database_backend(&self.inner)
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.run(Query::of(&statement.sql), self.inner.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.run(Query::of(sql), self.inner.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.run(Query::of(&statement.sql), self.inner.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.run(Query::of(&statement.sql), self.inner.query_all_raw(statement)).await
    }
}

/// The rows of a query as they arrive.
pub type Rows<'a> = Pin<Box<dyn Stream<Item = Result<QueryResult, DbErr>> + Send + 'a>>;

impl<Scope: Send + Sync> StreamTrait for Tx<Scope> {
    type Stream<'a>
        = Rows<'a>
    where
        Self: 'a;

    fn get_database_backend(&self) -> DbBackend {
        ConnectionTrait::get_database_backend(&self.inner)
    }

    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        Box::pin(async move {
            let rows = self.run(Query::of(&statement.sql), self.inner.stream_raw(statement)).await?;
            let limit = self.limit;
            let rows = unfold(rows, move |mut rows| async move {
                let row =
                    within(limit, rows.next()).await.unwrap_or_else(|error| Some(Err(silent(error))))?;
                Some((row.map_err(|error| self.fail(error)), rows))
            });
            Ok(rows.boxed() as Rows<'a>)
        })
    }
}
