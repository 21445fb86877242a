//! A query does not accept a transaction of another scope, whether it is handwritten or generated.

use database::{Actor, AdminTx, CustomerTx, Database, Error, campaigns, contacts, organizations};
use entity::id::{CampaignId, UserId};
use sea_orm::prelude::ChronoTime;

async fn right(
    customer: &CustomerTx,
    admin: &AdminTx,
    campaign: CampaignId,
    user: UserId,
) -> Result<(), Error> {
    campaigns::delete(customer, campaign).await?;
    contacts::count_by_state(customer, campaign).await?;
    organizations::list_by_user(admin, user).await?;
    campaigns::find(customer, campaign).await?;
    campaigns::find(admin, campaign).await?;
    contacts::claim_due(customer, campaign, 1, ChronoTime::default).await?;
    campaigns::statistics(customer, campaign).await?;
    contacts::export(customer, campaign).await?;
    contacts::sweep_excluded(customer).await?;
    contacts::sweep_excluded(admin).await?;
    Ok(())
}

async fn right_in_closures(database: Database, actor: Actor, campaign: CampaignId) -> Result<(), Error> {
    database.with_customer(actor, async |tx| campaigns::delete(&tx, campaign).await).await
}

async fn an_admin_for_a_customer(admin: &AdminTx, campaign: CampaignId) -> Result<(), Error> {
    campaigns::delete(admin, campaign).await?;
    contacts::count_by_state(admin, campaign).await?;
    contacts::claim_due(admin, campaign, 1, ChronoTime::default).await?;
    campaigns::statistics(admin, campaign).await?;
    contacts::export(admin, campaign).await?;
    Ok(())
}

async fn a_customer_for_an_admin(customer: &CustomerTx, user: UserId) -> Result<(), Error> {
    organizations::list_by_user(customer, user).await?;
    Ok(())
}

async fn in_closures(database: Database, campaign: CampaignId) -> Result<(), Error> {
    database.with_admin(async |tx| campaigns::delete(&tx, campaign).await).await
}

fn main() {}
