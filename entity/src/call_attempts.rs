//! `call_attempts`: one call to a contact.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    enums::CallOutcome,
    id::{CallAttemptId, CampaignId, ContactId, OrganizationId, generated_on_insert},
    json::CallMetadata,
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "call_attempts")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, unique_key = "organization_id_id")]
    pub id: CallAttemptId,
    /// The tenant. Row Level Security compares it with the transaction's organization.
    #[sea_orm(unique_key = "organization_id_id")]
    pub organization_id: OrganizationId,
    #[sea_orm(unique_key = "contact_id_attempt_number")]
    pub contact_id: ContactId,
    pub campaign_id: CampaignId,
    /// From 1 for each contact.
    #[sea_orm(unique_key = "contact_id_attempt_number")]
    pub attempt_number: i64,
    /// The product's own name for the call.
    #[sea_orm(column_type = "Text", unique)]
    pub call_id: String,
    /// The provider's name for the call; `None` until it has answered the request.
    #[sea_orm(column_type = "Text")]
    pub provider_call_id: Option<String>,
    /// Times are the provider's and may be out of order: its clock may be off.
    pub started_at: DateTimeUtc,
    /// `None`: the call was not answered, or not yet.
    pub answered_at: Option<DateTimeUtc>,
    /// `None` while the call is under way.
    pub ended_at: Option<DateTimeUtc>,
    /// `None` while the call is under way.
    pub outcome: Option<CallOutcome>,
    /// The status in the provider's own words.
    #[sea_orm(column_type = "Text")]
    pub provider_raw_status: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub error_code: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: CallMetadata,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,

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
    /// Append only: SeaORM deletes what a replaced list leaves out, instead of setting the key to
    /// null, because one column of the key, the organization's, cannot be null.
    #[sea_orm(has_many)]
    pub events: HasMany<super::events::Entity>,
    #[sea_orm(belongs_to, from = "organization_id", to = "id", on_delete = "Cascade")]
    pub organization: BelongsTo<super::organizations::Entity>,
    #[sea_orm(has_many)]
    pub survey_responses: HasMany<super::survey_responses::Entity>,
    #[sea_orm(has_many)]
    pub transcript_snippets: HasMany<super::transcript_snippets::Entity>,
}

generated_on_insert!(CallAttemptId);
