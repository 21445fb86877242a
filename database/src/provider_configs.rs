//! `provider_configs`: the telephony and language model settings of the customer's organization.

use crate::{CustomerTx, Error, row};
use entity::enums::{LlmProvider, ProviderType};
use entity::id::ProviderConfigId;
use entity::provider_configs;
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, NotSet, QueryOrder, Set};

/// Settings to insert; `None` is the column's default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProviderConfig {
    /// The number that contacts see.
    pub outbound_number: String,
    /// What kind of service places the calls; `None`: a telephony API.
    pub provider_type: Option<ProviderType>,
    /// Its name; `None`: twilio.
    pub provider_name: Option<String>,
    /// Calls at the same time, at least 1; `None`: 5.
    pub max_concurrent_calls: Option<i64>,
    /// Who runs the language model; `None`: `OpenAI`.
    pub llm_provider: Option<LlmProvider>,
    /// The model; `None`: gpt-4.1-mini.
    pub llm_model: Option<String>,
    /// Days after which a recording is deleted, at least 1; `None`: 180.
    pub recording_retention_days: Option<i64>,
    /// Days after which a transcript is deleted, at least 1; `None`: 180.
    pub transcript_retention_days: Option<i64>,
}

/// What is to change in the settings; `NotSet`, the default, leaves a column as it is.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "each field is the column of that name, documented at the entity")]
pub struct ProviderConfigChanges {
    pub provider_type: ActiveValue<ProviderType>,
    pub provider_name: ActiveValue<String>,
    pub outbound_number: ActiveValue<String>,
    pub max_concurrent_calls: ActiveValue<i64>,
    pub llm_provider: ActiveValue<LlmProvider>,
    pub llm_model: ActiveValue<String>,
    pub recording_retention_days: ActiveValue<i64>,
    pub transcript_retention_days: ActiveValue<i64>,
}

/// Returns the settings in use, the newest if there are several; `None`: the organization has none, and cannot
/// call.
pub async fn find_current(tx: &CustomerTx) -> Result<Option<provider_configs::Model>, Error> {
    let tx = &tx.named("provider_configs.find_current");
    Ok(provider_configs::Entity::find()
        .order_by_desc(provider_configs::Column::CreatedAt)
        .order_by_desc(provider_configs::Column::Id)
        .one(tx)
        .await?)
}

/// Inserts settings, which are in use from then on.
///
/// # Errors
/// [`Error::Constraint`]: a text is too long, or a number out of its range.
pub async fn create(tx: &CustomerTx, config: NewProviderConfig) -> Result<provider_configs::Model, Error> {
    let tx = &tx.named("provider_configs.create");
    let NewProviderConfig {
        outbound_number,
        provider_type,
        provider_name,
        max_concurrent_calls,
        llm_provider,
        llm_model,
        recording_retention_days,
        transcript_retention_days,
    } = config;
    let row = provider_configs::ActiveModel {
        id: NotSet,
        organization_id: Set(tx.actor().organization),
        provider_type: provider_type.map_or(NotSet, Set),
        provider_name: provider_name.map_or(NotSet, Set),
        outbound_number: Set(outbound_number),
        max_concurrent_calls: max_concurrent_calls.map_or(NotSet, Set),
        llm_provider: llm_provider.map_or(NotSet, Set),
        llm_model: llm_model.map_or(NotSet, Set),
        recording_retention_days: recording_retention_days.map_or(NotSet, Set),
        transcript_retention_days: transcript_retention_days.map_or(NotSet, Set),
        created_at: NotSet,
        updated_at: NotSet,
    };
    Ok(row.insert(tx).await?)
}

/// Changes settings.
///
/// # Errors
/// [`Error::NotFound`]: there are none of this id, or they are another organization's; [`Error::Constraint`] as
/// with [`create`].
pub async fn update(
    tx: &CustomerTx,
    id: ProviderConfigId,
    changes: ProviderConfigChanges,
) -> Result<provider_configs::Model, Error> {
    let tx = &tx.named("provider_configs.update");
    let ProviderConfigChanges {
        provider_type,
        provider_name,
        outbound_number,
        max_concurrent_calls,
        llm_provider,
        llm_model,
        recording_retention_days,
        transcript_retention_days,
    } = changes;
    let changes = provider_configs::ActiveModel {
        id: NotSet,
        organization_id: NotSet,
        provider_type,
        provider_name,
        outbound_number,
        max_concurrent_calls,
        llm_provider,
        llm_model,
        recording_retention_days,
        transcript_retention_days,
        created_at: NotSet,
        updated_at: NotSet,
    };
    row::update(tx, changes, provider_configs::COLUMN.id.eq(id), "provider configuration").await
}
