//! A tenant's query wants a transaction that says whose rows it sees.

use database::{CustomerTx, Error, Tx, campaigns, contacts};
use entity::id::{CampaignId, ContactId};
use sea_orm::{DatabaseConnection, DatabaseTransaction};

async fn right(tx: &CustomerTx, campaign: CampaignId, contact: ContactId) -> Result<(), Error> {
    campaigns::find(tx, campaign).await?;
    campaigns::count(tx, None).await?;
    contacts::find(tx, contact).await?;
    contacts::count_by_state(tx, campaign).await?;
    Ok(())
}

async fn right_in_any_scope(tx: &Tx<impl Send + Sync>, campaign: CampaignId) -> Result<(), Error> {
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
    Ok(())
}

async fn on_a_bare_transaction(tx: &DatabaseTransaction, campaign: CampaignId) -> Result<(), Error> {
    campaigns::find(tx, campaign).await?;
    campaigns::count(tx, None).await?;
    Ok(())
}

fn main() {}
