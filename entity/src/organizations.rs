//! `organizations`: a tenant, to which every row of the tenant tables belongs.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    id::{OrganizationId, generated_on_insert},
    json::Preferences,
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "organizations")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrganizationId,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The name in addresses: lower case letters and digits in words joined by single hyphens.
    #[sea_orm(column_type = "Text", unique)]
    pub slug: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: Preferences,
    /// `None` while the row is in use: deleting it in the product only sets this time.
    pub deleted_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,

    #[sea_orm(has_many)]
    pub call_attempts: HasMany<super::call_attempts::Entity>,
    #[sea_orm(has_many)]
    pub campaigns: HasMany<super::campaigns::Entity>,
    #[sea_orm(has_many)]
    pub contacts: HasMany<super::contacts::Entity>,
    #[sea_orm(has_many)]
    pub email_notifications: HasMany<super::email_notifications::Entity>,
    #[sea_orm(has_many)]
    pub email_templates: HasMany<super::email_templates::Entity>,
    #[sea_orm(has_many)]
    pub erasure_requests: HasMany<super::erasure_requests::Entity>,
    #[sea_orm(has_many)]
    pub events: HasMany<super::events::Entity>,
    #[sea_orm(has_many)]
    pub exclusion_list_entries: HasMany<super::exclusion_list_entries::Entity>,
    #[sea_orm(has_many)]
    pub provider_configs: HasMany<super::provider_configs::Entity>,
    #[sea_orm(has_many)]
    pub survey_responses: HasMany<super::survey_responses::Entity>,
    #[sea_orm(has_many)]
    pub transcript_snippets: HasMany<super::transcript_snippets::Entity>,
    #[sea_orm(has_many)]
    pub user_organizations: HasMany<super::user_organizations::Entity>,
    /// The members.
    #[sea_orm(has_many, via = "user_organizations")]
    pub users: HasMany<super::users::Entity>,
}

generated_on_insert!(OrganizationId);
