//! An admin's transaction is none of a customer's, and the other way round.

use database::{AdminTx, CustomerTx, Database, Error, Tenant, campaigns, contacts, organizations};
use entity::id::{CampaignId, UserId};

async fn right(
    customer: &CustomerTx,
    admin: &AdminTx,
    campaign: CampaignId,
    user: UserId,
) -> Result<(), Error> {
    campaigns::delete(customer, campaign).await?;
    contacts::count_by_state(customer, campaign).await?;
    organizations::list_of_user(admin, user).await?;
    campaigns::find(customer, campaign).await?;
    campaigns::find(admin, campaign).await?;
    Ok(())
}

async fn right_in_closures(database: Database, tenant: Tenant, campaign: CampaignId) -> Result<(), Error> {
    database.with_customer(tenant, async |tx| campaigns::delete(&tx, campaign).await).await
}

async fn an_admin_for_a_customer(admin: &AdminTx, campaign: CampaignId) -> Result<(), Error> {
    campaigns::delete(admin, campaign).await?;
    contacts::count_by_state(admin, campaign).await?;
    Ok(())
}

async fn a_customer_for_an_admin(customer: &CustomerTx, user: UserId) -> Result<(), Error> {
    organizations::list_of_user(customer, user).await?;
    Ok(())
}

async fn in_closures(database: Database, campaign: CampaignId) -> Result<(), Error> {
    database.with_admin(async |tx| campaigns::delete(&tx, campaign).await).await
}

fn main() {}
