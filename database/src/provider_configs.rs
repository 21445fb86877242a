//! `provider_configs`: the telephony and language model configurations; the newest of an organization is in use.

use crate::parent::{self, Parent};
use crate::{CustomerTx, Error, row};
use entity::enums::{LlmProvider, ProviderType};
use entity::id::ProviderConfigId;
use entity::provider_configs;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, NotSet, QueryOrder, Set};

/// A configuration to insert. `None` selects the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProviderConfig {
    /// The caller's number that contacts see.
    pub outbound_number: String,
    /// The kind of service that places the calls; default: a telephony API.
    pub provider_type: Option<ProviderType>,
    /// The name of that service; default: twilio.
    pub provider_name: Option<String>,
    /// The maximum number of concurrent calls, at least 1; default: 5.
    pub max_concurrent_calls: Option<i64>,
    /// The provider of the language model; default: `OpenAI`.
    pub llm_provider: Option<LlmProvider>,
    /// The language model; default: gpt-4.1-mini.
    pub llm_model: Option<String>,
    /// Days that a recording is kept, at least 1; default: 180.
    pub recording_retention_days: Option<i64>,
    /// Days that a transcript is kept, at least 1; default: 180.
    pub transcript_retention_days: Option<i64>,
}

/// The columns to update; `NotSet`, the default, keeps a column.
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

/// Returns the organization's configuration in use, the newest; `None`: the organization has none, and cannot call.
///
/// # Deleted rows
/// - `organizations`: bound
pub async fn find_current(tx: &CustomerTx) -> Result<Option<provider_configs::Model>, Error> {
    let tx = &tx.query("provider_configs.find_current");
    Ok(provider_configs::Entity::find()
        .order_by_desc(provider_configs::Column::CreatedAt)
        .order_by_desc(provider_configs::Column::Id)
        .one(tx)
        .await?)
}

/// Inserts a configuration, which replaces the one in use.
///
/// # Errors
/// [`Error::Constraint`]: a text is too long, or a number is out of range. [`Error::Deleted`]: the organization.
///
/// # Deleted rows
/// - `organizations`: refused
pub async fn create(tx: &CustomerTx, config: NewProviderConfig) -> Result<provider_configs::Model, Error> {
    let tx = &tx.query("provider_configs.create");
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
        organization_id: Set(tx.organization()),
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
    parent::insert(tx, row, &[Parent::Organization(tx.organization())]).await
}

/// Updates a configuration.
///
/// # Errors
/// [`Error::Constraint`] as in [`create`].
///
/// # Deleted rows
/// - `organizations`: bound
pub async fn update(
    tx: &CustomerTx,
    id: ProviderConfigId,
    changes: ProviderConfigChanges,
) -> Result<provider_configs::Model, Error> {
    let tx = &tx.query("provider_configs.update");
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
