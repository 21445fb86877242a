//! The fields and the constructors of a transaction are private.

use database::{Actor, AdminTx, CustomerTx, Database, Error};
use sea_orm::DatabaseTransaction;
use std::time::Duration;

async fn right(database: Database, actor: Actor) -> Result<Actor, Error> {
    let tx = database.customer(actor).await?;
    Ok(tx.actor())
}

async fn bound(inner: DatabaseTransaction) -> Result<AdminTx, Error> {
    AdminTx::bind(inner, Duration::ZERO).await
}

fn changed(tx: &mut CustomerTx, actor: Actor) {
    tx.scope.actor = actor;
}

fn taken_apart(tx: CustomerTx) -> DatabaseTransaction {
    tx.inner
}

fn main() {}
