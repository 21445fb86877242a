//! `contacts`: a person to be called within one campaign.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    enums::{CallOutcome, ContactLanguage, ContactState},
    id::{CampaignId, ContactId, OrganizationId, generated_on_insert},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "contacts")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, unique_key = "organization_id_id")]
    pub id: ContactId,
    /// The tenant. Row Level Security compares it with the transaction's organization.
    #[sea_orm(unique_key = "organization_id_id")]
    pub organization_id: OrganizationId,
    pub campaign_id: CampaignId,
    /// The contact's key in the system that it was imported from.
    #[sea_orm(column_type = "Text")]
    pub external_contact_id: Option<String>,
    /// E.164: `+` and 2 to 15 digits, or the word `DELETED`, which erasure writes.
    #[sea_orm(column_type = "Text")]
    pub phone_number: String,
    /// `None`: the contact gets no e-mail.
    #[sea_orm(column_type = "Text")]
    pub email: Option<String>,
    pub preferred_language: ContactLanguage,
    /// Whether the contact agreed to be called before it was imported.
    pub has_prior_consent: bool,
    pub do_not_call: bool,
    pub state: ContactState,
    pub attempts_count: i64,
    /// `None`, like `last_outcome`, until the first call.
    pub last_attempt_at: Option<DateTimeUtc>,
    pub last_outcome: Option<CallOutcome>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,

    #[sea_orm(has_many)]
    pub call_attempts: HasMany<super::call_attempts::Entity>,
    #[sea_orm(
        belongs_to,
        from = "(organization_id, campaign_id)",
        to = "(organization_id, id)",
        on_delete = "Cascade"
    )]
    pub campaign: BelongsTo<super::campaigns::Entity>,
    #[sea_orm(has_many)]
    pub email_notifications: HasMany<super::email_notifications::Entity>,
    #[sea_orm(has_many)]
    pub erasure_requests: HasMany<super::erasure_requests::Entity>,
    #[sea_orm(has_many)]
    pub events: HasMany<super::events::Entity>,
    #[sea_orm(belongs_to, from = "organization_id", to = "id", on_delete = "Cascade")]
    pub organization: BelongsTo<super::organizations::Entity>,
    #[sea_orm(has_many)]
    pub survey_responses: HasMany<super::survey_responses::Entity>,
}

generated_on_insert!(ContactId);
