//! `email_notifications`: an e-mail sent, or to be sent, because of an event.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    enums::EmailStatus,
    id::{
        CampaignId, ContactId, EmailNotificationId, EmailTemplateId, EventId, OrganizationId,
        generated_on_insert,
    },
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "email_notifications")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EmailNotificationId,
    /// The tenant. Row Level Security compares it with the transaction's organization.
    pub organization_id: OrganizationId,
    pub event_id: EventId,
    pub contact_id: ContactId,
    pub campaign_id: CampaignId,
    pub template_id: EmailTemplateId,
    /// Kept here because the contact's address may change.
    #[sea_orm(column_type = "Text")]
    pub to_email: String,
    pub status: EmailStatus,
    /// The e-mail provider's name for the message; `None` until it took it.
    #[sea_orm(column_type = "Text")]
    pub provider_message_id: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub error_message: Option<String>,
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
    #[sea_orm(
        belongs_to,
        from = "(organization_id, event_id)",
        to = "(organization_id, id)",
        on_delete = "Cascade"
    )]
    pub event: BelongsTo<super::events::Entity>,
    #[sea_orm(belongs_to, from = "organization_id", to = "id", on_delete = "Cascade")]
    pub organization: BelongsTo<super::organizations::Entity>,
    #[sea_orm(
        belongs_to,
        from = "(organization_id, template_id)",
        to = "(organization_id, id)",
        on_delete = "Restrict"
    )]
    pub template: BelongsTo<super::email_templates::Entity>,
}

generated_on_insert!(EmailNotificationId);
