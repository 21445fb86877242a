//! `survey_responses`: the answers of contacts, one row for each completed survey.

use crate::page::{self, Cursor, Page};
use crate::{CustomerTx, Error, Scope, Tx, campaigns};
use entity::id::{CampaignId, ContactId, SurveyResponseId};
use entity::survey_responses;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sea_query::Expr;

/// Returns the survey response.
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `organizations`: reads - an admin transaction reads every organization
pub async fn find(
    tx: &Tx<impl Scope>,
    id: SurveyResponseId,
) -> Result<Option<survey_responses::Model>, Error> {
    let tx = &tx.query("survey_responses.find");
    Ok(survey_responses::Entity::find_by_id(id)
        .filter(campaigns::is_live_in(
            survey_responses::Column::OrganizationId.into_expr(),
            survey_responses::Column::CampaignId.into_expr(),
        ))
        .one(tx)
        .await?)
}

/// Returns the survey response of a contact; `None`: the contact has not completed the survey.
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `organizations`: bound
pub async fn find_by_contact_and_campaign(
    tx: &CustomerTx,
    contact_id: ContactId,
    campaign_id: CampaignId,
) -> Result<Option<survey_responses::Model>, Error> {
    let tx = &tx.query("survey_responses.find_by_contact_and_campaign");
    let key = (contact_id, campaign_id);
    Ok(survey_responses::Entity::find_by_contact_id_campaign_id(key)
        .filter(campaigns::is_live(Expr::val(campaign_id)))
        .one(tx)
        .await?)
}

/// Returns a page of a campaign's survey responses, newest first.
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `organizations`: bound
pub async fn list_by_campaign(
    tx: &CustomerTx,
    campaign_id: CampaignId,
    after: Option<Cursor<SurveyResponseId>>,
    limit: u64,
) -> Result<Page<survey_responses::Model, SurveyResponseId>, Error> {
    let tx = &tx.query("survey_responses.list_by_campaign");
    let select = survey_responses::Entity::find()
        .filter(survey_responses::COLUMN.campaign_id.eq(campaign_id))
        .filter(campaigns::is_live(Expr::val(campaign_id)));
    let key = (survey_responses::Column::CreatedAt, survey_responses::Column::Id);
    page::newest_first(tx, select, key, after, limit, |response| Cursor {
        created_at: response.created_at,
        id: response.id,
    })
    .await
}
