//! `campaigns`: one survey of three questions, put to a list of contacts by phone.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    enums::{CampaignStatus, LanguageCode, QuestionType},
    id::{CampaignId, EmailTemplateId, OrganizationId, UserId, generated_on_insert},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "campaigns")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, unique_key = "organization_id_id")]
    pub id: CampaignId,
    /// The tenant. Row Level Security compares it with the transaction's organization.
    #[sea_orm(unique_key = "organization_id_id")]
    pub organization_id: OrganizationId,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub description: Option<String>,
    pub status: CampaignStatus,
    pub language: LanguageCode,
    /// The words of the agent before it asks for consent.
    #[sea_orm(column_type = "Text")]
    pub intro_script: String,
    #[sea_orm(column_type = "Text")]
    pub question_1_text: String,
    #[sea_orm(column_type = "Text")]
    pub question_2_text: String,
    #[sea_orm(column_type = "Text")]
    pub question_3_text: String,
    pub question_1_type: QuestionType,
    pub question_2_type: QuestionType,
    pub question_3_type: QuestionType,
    /// Calls to one contact before it counts as not reached, 1 to 5.
    pub max_attempts: i64,
    /// Minutes between two calls to one contact, at least 1.
    pub retry_interval_minutes: i64,
    /// The first time of day at which a contact may be called.
    /// A draft may hold any window; one that is scheduled, running or paused starts before it ends.
    pub allowed_call_start_local: Time,
    pub allowed_call_end_local: Time,
    /// `None`: no e-mail is sent after a completed survey.
    pub email_completed_template_id: Option<EmailTemplateId>,
    pub email_refused_template_id: Option<EmailTemplateId>,
    pub email_not_reached_template_id: Option<EmailTemplateId>,
    /// `None` once the user has been deleted: a campaign outlives its author.
    pub created_by_user_id: Option<UserId>,
    /// `None` while the row is in use: deleting it in the product only sets this time.
    pub deleted_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,

    #[sea_orm(has_many)]
    pub call_attempts: HasMany<super::call_attempts::Entity>,
    #[sea_orm(has_many)]
    pub contacts: HasMany<super::contacts::Entity>,
    #[sea_orm(belongs_to, from = "created_by_user_id", to = "id", on_delete = "SetNull")]
    pub created_by_user: BelongsTo<Option<super::users::Entity>>,
    #[sea_orm(
        belongs_to,
        relation_enum = "EmailCompletedTemplate",
        from = "(organization_id, email_completed_template_id)",
        to = "(organization_id, id)",
        on_delete = "SetNull"
    )]
    pub email_completed_template: BelongsTo<Option<super::email_templates::Entity>>,
    #[sea_orm(
        belongs_to,
        relation_enum = "EmailNotReachedTemplate",
        from = "(organization_id, email_not_reached_template_id)",
        to = "(organization_id, id)",
        on_delete = "SetNull"
    )]
    pub email_not_reached_template: BelongsTo<Option<super::email_templates::Entity>>,
    #[sea_orm(has_many)]
    pub email_notifications: HasMany<super::email_notifications::Entity>,
    #[sea_orm(
        belongs_to,
        relation_enum = "EmailRefusedTemplate",
        from = "(organization_id, email_refused_template_id)",
        to = "(organization_id, id)",
        on_delete = "SetNull"
    )]
    pub email_refused_template: BelongsTo<Option<super::email_templates::Entity>>,
    #[sea_orm(has_many)]
    pub events: HasMany<super::events::Entity>,
    #[sea_orm(belongs_to, from = "organization_id", to = "id", on_delete = "Cascade")]
    pub organization: BelongsTo<super::organizations::Entity>,
    #[sea_orm(has_many)]
    pub survey_responses: HasMany<super::survey_responses::Entity>,
}

generated_on_insert!(CampaignId);
