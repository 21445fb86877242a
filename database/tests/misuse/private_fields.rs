//! The fields and the constructors of a transaction are private.

use database::{Actor, AdminTx, BoundActor, CustomerTx, Database, Error};

async fn right(database: Database, actor: Actor) -> Result<BoundActor, Error> {
    let tx = database.customer(actor).await?;
    Ok(tx.actor())
}

fn bound() {
    let _ = AdminTx::bind;
}

fn changed(tx: &mut CustomerTx, actor: BoundActor) {
    tx.scope.actor = actor;
}

fn taken_apart(tx: CustomerTx) {
    let _ = tx.inner;
}

fn main() {}
