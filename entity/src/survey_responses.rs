//! `survey_responses`: the answers of one contact.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{
    CallAttemptId, CampaignId, ContactId, OrganizationId, SurveyResponseId, generated_on_insert,
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "survey_responses")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SurveyResponseId,
    /// The tenant. Row Level Security compares it with the transaction's organization.
    pub organization_id: OrganizationId,
    #[sea_orm(unique_key = "contact_id_campaign_id")]
    pub contact_id: ContactId,
    #[sea_orm(unique_key = "contact_id_campaign_id")]
    pub campaign_id: CampaignId,
    /// The call in which the survey was completed.
    pub call_attempt_id: CallAttemptId,
    /// `None`: the question was not answered.
    #[sea_orm(column_type = "Text")]
    pub q1_answer: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub q2_answer: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub q3_answer: Option<String>,
    /// How sure the model was of the answer, 0 to 1.
    #[sea_orm(column_type = "Decimal(Some((3, 2)))")]
    pub q1_confidence: Option<Decimal>,
    #[sea_orm(column_type = "Decimal(Some((3, 2)))")]
    pub q2_confidence: Option<Decimal>,
    #[sea_orm(column_type = "Decimal(Some((3, 2)))")]
    pub q3_confidence: Option<Decimal>,
    pub completed_at: DateTimeUtc,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,

    #[sea_orm(
        belongs_to,
        from = "(organization_id, call_attempt_id)",
        to = "(organization_id, id)",
        on_delete = "Cascade"
    )]
    pub call_attempt: BelongsTo<super::call_attempts::Entity>,
    #[sea_orm(
        belongs_to,
        from = "(organization_id, campaign_id)",
        to = "(organization_id, id)",
        on_delete = "Cascade"
    )]
    pub campaign: BelongsTo<super::campaigns::Entity>,
    #[sea_orm(
        belongs_to,
        from = "(organization_id, contact_id)",
        to = "(organization_id, id)",
        on_delete = "Cascade"
    )]
    pub contact: BelongsTo<super::contacts::Entity>,
    #[sea_orm(belongs_to, from = "organization_id", to = "id", on_delete = "Cascade")]
    pub organization: BelongsTo<super::organizations::Entity>,
}

generated_on_insert!(SurveyResponseId);
