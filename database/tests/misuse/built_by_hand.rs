//! Neither a transaction nor the scope of one organization's rows can be built from its parts.

use database::{Customer, CustomerTx, Database, Error, Tenant, Tx};
use sea_orm::DatabaseTransaction;

async fn right(database: Database, tenant: Tenant) -> Result<CustomerTx, Error> {
    database.customer(tenant).await
}

fn a_scope(tenant: Tenant) -> Customer {
    Customer { tenant }
}

fn a_transaction(inner: DatabaseTransaction, scope: Customer) -> CustomerTx {
    Tx { inner, scope, failed: false.into(), limit: None }
}

fn main() {}
