//! Creates the 13 enum types.
//!
//! Intent: a status or kind column accepts only the named values; their order is the order of progress.
//! Risk: none. No table uses the types yet.
//! Down: drops the types; no table uses them any more.

use crate::ddl::EnumType;
use sea_orm_migration::prelude::*;

pub const USER_ROLE: EnumType =
    EnumType { name: "user_role", values: &["admin", "campaign_manager", "viewer"] };
pub const CAMPAIGN_STATUS: EnumType = EnumType {
    name: "campaign_status",
    values: &["draft", "scheduled", "running", "paused", "completed", "cancelled"],
};
pub const LANGUAGE_CODE: EnumType = EnumType { name: "language_code", values: &["en", "it"] };
pub const QUESTION_TYPE: EnumType =
    EnumType { name: "question_type", values: &["free_text", "numeric", "scale"] };
pub const CONTACT_STATE: EnumType = EnumType {
    name: "contact_state",
    values: &["pending", "in_progress", "completed", "refused", "not_reached", "excluded"],
};
pub const CONTACT_LANGUAGE: EnumType = EnumType { name: "contact_language", values: &["en", "it", "auto"] };
pub const CALL_OUTCOME: EnumType =
    EnumType { name: "call_outcome", values: &["completed", "refused", "no_answer", "busy", "failed"] };
pub const EXCLUSION_SOURCE: EnumType =
    EnumType { name: "exclusion_source", values: &["import", "api", "manual"] };
pub const EVENT_TYPE: EnumType =
    EnumType { name: "event_type", values: &["survey.completed", "survey.refused", "survey.not_reached"] };
pub const EMAIL_STATUS: EnumType = EnumType { name: "email_status", values: &["pending", "sent", "failed"] };
pub const EMAIL_TEMPLATE_TYPE: EnumType =
    EnumType { name: "email_template_type", values: &["completed", "refused", "not_reached"] };
pub const PROVIDER_TYPE: EnumType =
    EnumType { name: "provider_type", values: &["telephony_api", "voice_ai_platform"] };
pub const LLM_PROVIDER: EnumType =
    EnumType { name: "llm_provider", values: &["openai", "anthropic", "azure-openai", "google"] };

const ALL: [EnumType; 13] = [
    USER_ROLE,
    CAMPAIGN_STATUS,
    LANGUAGE_CODE,
    QUESTION_TYPE,
    CONTACT_STATE,
    CONTACT_LANGUAGE,
    CALL_OUTCOME,
    EXCLUSION_SOURCE,
    EVENT_TYPE,
    EMAIL_STATUS,
    EMAIL_TEMPLATE_TYPE,
    PROVIDER_TYPE,
    LLM_PROVIDER,
];

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for kind in ALL {
            kind.create(manager).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for kind in ALL.iter().rev() {
            kind.drop(manager).await?;
        }
        Ok(())
    }
}
