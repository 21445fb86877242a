//! Queries of `database::provider_configs`.

use database::provider_configs;
use database::provider_configs::{NewProviderConfig, ProviderConfigChanges};
use entity::enums::{LlmProvider, ProviderType};
use sea_orm::Set;
use tests::factory::T;
use tests::queries::{time, violates};

#[tokio::test]
async fn the_newest_settings_are_in_use() {
    let t = T::new().await;
    let tx = t.customer().await;
    assert_eq!(provider_configs::find_current(&tx).await.unwrap(), None);
    let older = t.factory.provider_config(&t.organization).with(|row| {
        row.created_at = Set(time("2025-01-15T12:00:00Z"));
    });
    older.await;
    let new = NewProviderConfig {
        outbound_number: "+14155551234".to_owned(),
        provider_type: None,
        provider_name: None,
        max_concurrent_calls: None,
        llm_provider: None,
        llm_model: None,
        recording_retention_days: Some(30),
        transcript_retention_days: None,
    };
    let created = provider_configs::create(&tx, new.clone()).await.unwrap();
    assert_eq!((created.provider_type, &*created.provider_name), (ProviderType::TelephonyApi, "twilio"));
    assert_eq!((created.max_concurrent_calls, created.recording_retention_days), (5, 30));
    assert_eq!((created.llm_provider, created.transcript_retention_days), (LlmProvider::OpenAi, 180));
    assert_eq!(provider_configs::find_current(&tx).await.unwrap().as_ref(), Some(&created));
    let changes = ProviderConfigChanges { max_concurrent_calls: Set(9), ..Default::default() };
    let edited = provider_configs::update(&tx, created.id, changes).await.unwrap();
    assert_eq!((edited.max_concurrent_calls, edited.recording_retention_days), (9, 30));
    assert_eq!(provider_configs::find_current(&tx).await.unwrap(), Some(edited));
    let none = NewProviderConfig { max_concurrent_calls: Some(0), ..new };
    assert_eq!(
        provider_configs::create(&tx, none).await,
        violates("ck_provider_configs_max_concurrent_calls_range")
    );
}
