//! A transaction whose type says whose rows it sees.

use crate::Error;
use crate::error::without_values;
use crate::observe;
use entity::id::{OrganizationId, UserId};
use futures_util::Stream;
use futures_util::stream::{StreamExt, TryStreamExt};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement, StreamTrait,
};
use std::fmt;
use std::pin::Pin;

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
}

impl<Scope> Tx<Scope> {
    /// Makes what was done last.
    ///
    /// # Errors
    /// The server refuses, or is gone: then nobody knows whether it was done, unless the caller looks.
    pub async fn commit(self) -> Result<(), Error> {
        Ok(self.inner.commit().await?)
    }

    /// Undoes it at once; dropping the transaction does the same a little later.
    ///
    /// # Errors
    /// The server is gone, and has undone it.
    pub async fn rollback(self) -> Result<(), Error> {
        Ok(self.inner.rollback().await?)
    }
}

impl AdminTx {
    /// Binds the statement timeout, for this transaction only: the connection is another's afterwards.
    pub(crate) async fn bind(inner: DatabaseTransaction, statement_timeout: u128) -> Result<Self, Error> {
        let tx = Self { inner, scope: Admin(()) };
        if ConnectionTrait::get_database_backend(&tx.inner) == DbBackend::Postgres {
            tx.inner
                .execute_raw(Statement::from_sql_and_values(
                    DbBackend::Postgres,
                    "select set_config('statement_timeout', $1, true)",
                    [statement_timeout.to_string().into()],
                ))
                .await?;
        }
        Ok(tx)
    }
}

impl CustomerTx {
    /// Takes the role and binds the tenant, for this transaction only: the connection is another tenant's afterwards.
    pub(crate) async fn bind(
        inner: DatabaseTransaction,
        tenant: Tenant,
        statement_timeout: u128,
    ) -> Result<Self, Error> {
        inner
            .execute_raw(Statement::from_sql_and_values(
                DbBackend::Postgres,
                "select set_config('statement_timeout', $1, true), set_config('app.user_id', $2, true), \
                        set_config('app.organization_id', $3, true), set_config('role', 'customer', true)",
                [
                    statement_timeout.to_string().into(),
                    tenant.user.as_uuid().to_string().into(),
                    tenant.organization.as_uuid().to_string().into(),
                ],
            ))
            .await?;
        Ok(Self { inner, scope: Customer { tenant } })
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
        let seen = observe::Query::of(&statement.sql);
        seen.run(self.inner.execute_raw(statement)).await.map_err(without_values)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        observe::Query::of(sql).run(self.inner.execute_unprepared(sql)).await.map_err(without_values)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let seen = observe::Query::of(&statement.sql);
        seen.run(self.inner.query_one_raw(statement)).await.map_err(without_values)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let seen = observe::Query::of(&statement.sql);
        seen.run(self.inner.query_all_raw(statement)).await.map_err(without_values)
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
            let seen = observe::Query::of(&statement.sql);
            let rows = seen.run(self.inner.stream_raw(statement)).await.map_err(without_values)?;
            Ok(rows.map_err(without_values).boxed() as Rows<'a>)
        })
    }
}
