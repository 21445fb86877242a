//! `provider_configs`: an organization's telephony and language model settings.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    enums::{LlmProvider, ProviderType},
    id::{OrganizationId, ProviderConfigId, generated_on_insert},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "provider_configs")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ProviderConfigId,
    /// The tenant. Row Level Security compares it with the transaction's organization.
    pub organization_id: OrganizationId,
    pub provider_type: ProviderType,
    #[sea_orm(column_type = "Text")]
    pub provider_name: String,
    /// The number that contacts see.
    #[sea_orm(column_type = "Text")]
    pub outbound_number: String,
    /// At least 1.
    pub max_concurrent_calls: i64,
    pub llm_provider: LlmProvider,
    #[sea_orm(column_type = "Text")]
    pub llm_model: String,
    /// Days after which a recording is deleted, at least 1.
    pub recording_retention_days: i64,
    pub transcript_retention_days: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,

    #[sea_orm(belongs_to, from = "organization_id", to = "id", on_delete = "Cascade")]
    pub organization: BelongsTo<super::organizations::Entity>,
}

generated_on_insert!(ProviderConfigId);
