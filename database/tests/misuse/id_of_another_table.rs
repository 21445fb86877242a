//! An id of one table is not an id of another.

use database::{Actor, CustomerTx, Error, campaigns, contacts};
use entity::id::{CampaignId, ContactId, OrganizationId, UserId};
use sea_orm::Set;

async fn right(tx: &CustomerTx, campaign: CampaignId, contact: ContactId) -> Result<(), Error> {
    campaigns::find(tx, campaign).await?;
    campaigns::statistics(tx, campaign).await?;
    contacts::erase(tx, contact).await?;
    let _ =
        entity::contacts::ActiveModel { id: Set(contact), campaign_id: Set(campaign), ..Default::default() };
    Ok(())
}

fn right_actor(organization: OrganizationId, user: UserId) -> Actor {
    Actor { organization, user }
}

async fn in_a_query(tx: &CustomerTx, contact: ContactId) -> Result<(), Error> {
    campaigns::find(tx, contact).await?;
    Ok(())
}

async fn in_a_generated_query(
    tx: &CustomerTx,
    campaign: CampaignId,
    contact: ContactId,
) -> Result<(), Error> {
    campaigns::statistics(tx, contact).await?;
    contacts::erase(tx, campaign).await?;
    Ok(())
}

fn in_a_row(campaign: CampaignId, contact: ContactId) {
    let _ =
        entity::contacts::ActiveModel { id: Set(campaign), campaign_id: Set(contact), ..Default::default() };
}

fn in_a_comparison(campaign: CampaignId, contact: ContactId) -> bool {
    campaign == contact
}

fn in_an_actor(organization: OrganizationId, user: UserId) -> Actor {
    Actor { organization: user, user: organization }
}

fn main() {}
