//! SeaORM's `find_by_id` does not accept the id of another table.

use database::{CustomerTx, Error};
use entity::campaigns;
use entity::id::{CampaignId, ContactId};
use sea_orm::EntityTrait;

async fn right(tx: &CustomerTx, campaign: CampaignId) -> Result<(), Error> {
    campaigns::Entity::find_by_id(campaign).one(tx).await?;
    Ok(())
}

async fn by_the_id_of_a_contact(tx: &CustomerTx, contact: ContactId) -> Result<(), Error> {
    campaigns::Entity::find_by_id(contact).one(tx).await?;
    Ok(())
}

fn main() {}
