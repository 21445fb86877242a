//! `survey_responses`: the answers that the customer's organization was given.

use crate::page::{self, Cursor, Page};
use crate::{CustomerTx, Error, Scope, Tx};
use entity::id::{CampaignId, ContactId, SurveyResponseId};
use entity::survey_responses;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

/// The answers of this id; `None` where there are none, or they are another organization's.
pub async fn find(
    tx: &Tx<impl Scope>,
    id: SurveyResponseId,
) -> Result<Option<survey_responses::Model>, Error> {
    let tx = &tx.named("survey_responses.find");
    Ok(survey_responses::Entity::find_by_id(id).one(tx).await?)
}

/// The answers of a contact; `None`: it has not completed the survey, or is another organization's.
pub async fn find_by_contact_and_campaign(
    tx: &CustomerTx,
    contact_id: ContactId,
    campaign_id: CampaignId,
) -> Result<Option<survey_responses::Model>, Error> {
    let tx = &tx.named("survey_responses.find_by_contact_and_campaign");
    let key = (contact_id, campaign_id);
    Ok(survey_responses::Entity::find_by_contact_id_campaign_id(key).one(tx).await?)
}

/// The answers to a campaign, newest first; empty where the campaign is another organization's.
pub async fn list_by_campaign(
    tx: &CustomerTx,
    campaign_id: CampaignId,
    after: Option<Cursor<SurveyResponseId>>,
    limit: u64,
) -> Result<Page<survey_responses::Model, SurveyResponseId>, Error> {
    let tx = &tx.named("survey_responses.list_by_campaign");
    let select =
        survey_responses::Entity::find().filter(survey_responses::COLUMN.campaign_id.eq(campaign_id));
    let key = (survey_responses::Column::CreatedAt, survey_responses::Column::Id);
    page::newest_first(tx, select, key, after, limit, |response| Cursor {
        created_at: response.created_at,
        id: response.id,
    })
    .await
}
