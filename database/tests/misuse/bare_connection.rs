//! A query does not accept a connection or a transaction of SeaORM, whether it is handwritten or generated.

use database::{CustomerTx, Error, Scope, Tx, campaigns, contacts};
use entity::id::{CampaignId, ContactId};
use sea_orm::{DatabaseConnection, DatabaseTransaction};

async fn right(tx: &CustomerTx, campaign: CampaignId, contact: ContactId) -> Result<(), Error> {
    campaigns::find(tx, campaign).await?;
    campaigns::count(tx, None).await?;
    contacts::find(tx, contact).await?;
    contacts::count_by_state(tx, campaign).await?;
    campaigns::statistics(tx, campaign).await?;
    contacts::erase(tx, contact).await?;
    Ok(())
}

async fn right_in_any_scope(tx: &Tx<impl Scope>, campaign: CampaignId) -> Result<(), Error> {
    campaigns::find(tx, campaign).await?;
    Ok(())
}

async fn on_a_connection(
    db: &DatabaseConnection,
    campaign: CampaignId,
    contact: ContactId,
) -> Result<(), Error> {
    campaigns::find(db, campaign).await?;
    campaigns::count(db, None).await?;
    contacts::find(db, contact).await?;
    contacts::count_by_state(db, campaign).await?;
    campaigns::statistics(db, campaign).await?;
    contacts::erase(db, contact).await?;
    Ok(())
}

async fn on_a_bare_transaction(tx: &DatabaseTransaction, campaign: CampaignId) -> Result<(), Error> {
    campaigns::find(tx, campaign).await?;
    campaigns::count(tx, None).await?;
    Ok(())
}

fn main() {}
