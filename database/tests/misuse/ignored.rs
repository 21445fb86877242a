//! The lint `unused_must_use` reports a transaction or a commit that is ignored.

#![deny(unused_must_use)]

use database::{Actor, Database, Error};

async fn right(database: Database, actor: Actor) -> Result<(), Error> {
    let tx = database.customer(actor).await?;
    tx.commit().await?;
    let tx = database.admin().await?;
    tx.rollback().await
}

async fn the_transaction(database: Database, actor: Actor) -> Result<(), Error> {
    database.customer(actor).await?;
    database.admin().await?;
    Ok(())
}

async fn the_end(database: Database) -> Result<(), Error> {
    let tx = database.admin().await?;
    tx.commit().await;
    let tx = database.admin().await?;
    tx.commit();
    Ok(())
}

fn main() {}
