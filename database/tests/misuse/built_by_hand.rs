//! A transaction and its scope cannot be constructed outside of `database`.

use database::{Actor, BoundActor, Customer, CustomerTx, Database, Error, Tx};

async fn right(database: Database, actor: Actor) -> Result<CustomerTx, Error> {
    database.customer(actor).await
}

fn a_scope(actor: BoundActor) -> Customer {
    Customer { actor, role: None }
}

fn a_transaction(tx: CustomerTx, scope: Customer) -> CustomerTx {
    Tx { scope, ..tx }
}

fn main() {}
