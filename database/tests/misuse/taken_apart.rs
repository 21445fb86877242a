//! A transaction is neither bound, nor changed, nor taken apart by anybody else than `database`.

use database::{AdminTx, CustomerTx, Database, Error, Tenant};
use sea_orm::DatabaseTransaction;
use std::time::Duration;

async fn right(database: Database, tenant: Tenant) -> Result<Tenant, Error> {
    let tx = database.customer(tenant).await?;
    Ok(tx.tenant())
}

async fn bound(inner: DatabaseTransaction) -> Result<AdminTx, Error> {
    AdminTx::bind(inner, Duration::ZERO).await
}

fn changed(tx: &mut CustomerTx, tenant: Tenant) {
    tx.scope.tenant = tenant;
}

fn taken_apart(tx: CustomerTx) -> DatabaseTransaction {
    tx.inner
}

fn main() {}
