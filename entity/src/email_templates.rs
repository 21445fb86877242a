//! `email_templates`: the wording of one kind of e-mail in one language.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    enums::{EmailTemplateType, LanguageCode},
    id::{EmailTemplateId, OrganizationId, generated_on_insert},
};

// Three keys of `campaigns` lead here, so neither side implements `Related` for the other: name the
// relation, as in `load().with(Relation::CampaignsIfCompleted)`. They are for reading: a list that is
// replaced on this side is silently ignored when the template is saved.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "email_templates")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, unique_key = "organization_id_id")]
    pub id: EmailTemplateId,
    /// The tenant. Row Level Security compares it with the transaction's organization.
    #[sea_orm(unique_key = "organization_id_id")]
    pub organization_id: OrganizationId,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    pub r#type: EmailTemplateType,
    /// May hold `{{contact_name}}` and other variables, as the bodies may.
    #[sea_orm(column_type = "Text")]
    pub subject: String,
    #[sea_orm(column_type = "Text")]
    pub body_html: String,
    /// `None`: the e-mail has no plain text part.
    #[sea_orm(column_type = "Text")]
    pub body_text: Option<String>,
    pub locale: LanguageCode,
    /// `None` while the row is in use: deleting it in the product only sets this time.
    pub deleted_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,

    /// The campaigns that send this template after a completed survey.
    #[sea_orm(has_many, relation_enum = "CampaignsIfCompleted", via_rel = "EmailCompletedTemplate")]
    pub campaigns_if_completed: HasMany<super::campaigns::Entity>,
    #[sea_orm(has_many, relation_enum = "CampaignsIfNotReached", via_rel = "EmailNotReachedTemplate")]
    pub campaigns_if_not_reached: HasMany<super::campaigns::Entity>,
    #[sea_orm(has_many, relation_enum = "CampaignsIfRefused", via_rel = "EmailRefusedTemplate")]
    pub campaigns_if_refused: HasMany<super::campaigns::Entity>,
    #[sea_orm(has_many)]
    pub email_notifications: HasMany<super::email_notifications::Entity>,
    #[sea_orm(belongs_to, from = "organization_id", to = "id", on_delete = "Cascade")]
    pub organization: BelongsTo<super::organizations::Entity>,
}

generated_on_insert!(EmailTemplateId);
