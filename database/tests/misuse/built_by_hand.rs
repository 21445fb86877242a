//! A transaction and its scope cannot be constructed outside of `database`.

use database::{Actor, Customer, CustomerTx, Database, Error, Tx};
use sea_orm::DatabaseTransaction;

async fn right(database: Database, actor: Actor) -> Result<CustomerTx, Error> {
    database.customer(actor).await
}

fn a_scope(actor: Actor) -> Customer {
    Customer { actor }
}

fn a_transaction(inner: DatabaseTransaction, scope: Customer) -> CustomerTx {
    Tx { inner, scope, failed: false.into(), limit: None }
}

fn main() {}
