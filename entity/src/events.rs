//! `events`: what the event bus hears of a survey that has ended.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    enums::EventType,
    id::{CallAttemptId, CampaignId, ContactId, EventId, OrganizationId, generated_on_insert},
    json::EventPayload,
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "events")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, unique_key = "organization_id_id")]
    pub id: EventId,
    /// The tenant. Row Level Security compares it with the transaction's organization.
    #[sea_orm(unique_key = "organization_id_id")]
    pub organization_id: OrganizationId,
    pub event_type: EventType,
    pub campaign_id: CampaignId,
    pub contact_id: ContactId,
    /// `None`: no call led to the event, or the call has been deleted.
    pub call_attempt_id: Option<CallAttemptId>,
    #[sea_orm(column_type = "JsonBinary")]
    pub payload: EventPayload,
    /// `None` while the event waits for the bus.
    pub published_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,

    #[sea_orm(
        belongs_to,
        from = "(organization_id, call_attempt_id)",
        to = "(organization_id, id)",
        on_delete = "SetNull"
    )]
    pub call_attempt: BelongsTo<Option<super::call_attempts::Entity>>,
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
    #[sea_orm(has_many)]
    pub email_notifications: HasMany<super::email_notifications::Entity>,
    #[sea_orm(belongs_to, from = "organization_id", to = "id", on_delete = "Cascade")]
    pub organization: BelongsTo<super::organizations::Entity>,
}

generated_on_insert!(EventId);
