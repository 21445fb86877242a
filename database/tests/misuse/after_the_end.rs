//! A transaction cannot be used or ended again after its commit or rollback.

use database::{CustomerTx, Error, campaigns};

async fn right(tx: CustomerTx) -> Result<(), Error> {
    campaigns::count(&tx, None).await?;
    tx.commit().await
}

async fn a_query_after_the_commit(tx: CustomerTx) -> Result<(), Error> {
    tx.commit().await?;
    campaigns::count(&tx, None).await?;
    Ok(())
}

async fn a_commit_after_the_rollback(tx: CustomerTx) -> Result<(), Error> {
    tx.rollback().await?;
    tx.commit().await
}

fn main() {}
