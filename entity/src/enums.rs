//! The 15 enum types: one text in the database, in Rust's text forms, and in serde's.

use std::{fmt, str::FromStr};

use sea_orm::{Iterable, entity::prelude::*};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A text that is not one of an enum's values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not a value of {name}, expected one of {expected}")]
pub struct ParseEnumError {
    /// The enum's name in the database.
    pub name: &'static str,
    pub found: String,
    /// The values, separated by commas.
    pub expected: String,
}

/// What was done to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "audit_action")]
pub enum AuditAction {
    #[sea_orm(string_value = "insert")]
    Insert,
    #[sea_orm(string_value = "update")]
    Update,
    #[sea_orm(string_value = "delete")]
    Delete,
    /// To all rows of the table.
    #[sea_orm(string_value = "truncate")]
    Truncate,
}

/// Who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "audit_actor")]
pub enum AuditActor {
    #[sea_orm(string_value = "user")]
    User,
    /// A program on behalf of an organization.
    #[sea_orm(string_value = "system")]
    System,
    /// A transaction that sees all rows.
    #[sea_orm(string_value = "admin")]
    Admin,
}

/// How one call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "call_outcome")]
pub enum CallOutcome {
    #[sea_orm(string_value = "completed")]
    Completed,
    /// The contact did not consent.
    #[sea_orm(string_value = "refused")]
    Refused,
    #[sea_orm(string_value = "no_answer")]
    NoAnswer,
    #[sea_orm(string_value = "busy")]
    Busy,
    #[sea_orm(string_value = "failed")]
    Failed,
}

/// Where a campaign is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "campaign_status")]
pub enum CampaignStatus {
    #[sea_orm(string_value = "draft")]
    Draft,
    #[sea_orm(string_value = "scheduled")]
    Scheduled,
    #[sea_orm(string_value = "running")]
    Running,
    #[sea_orm(string_value = "paused")]
    Paused,
    #[sea_orm(string_value = "completed")]
    Completed,
    #[sea_orm(string_value = "cancelled")]
    Cancelled,
}

/// The language in which a contact is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "contact_language")]
pub enum ContactLanguage {
    #[sea_orm(string_value = "en")]
    En,
    #[sea_orm(string_value = "it")]
    It,
    /// The campaign's.
    #[sea_orm(string_value = "auto")]
    Auto,
}

/// How far a contact has come in its campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "contact_state")]
pub enum ContactState {
    #[sea_orm(string_value = "pending")]
    Pending,
    /// A call is under way.
    #[sea_orm(string_value = "in_progress")]
    InProgress,
    #[sea_orm(string_value = "completed")]
    Completed,
    #[sea_orm(string_value = "refused")]
    Refused,
    /// The last attempt was not answered; the scheduler calls again while attempts are left.
    #[sea_orm(string_value = "not_reached")]
    NotReached,
    /// On the exclusion list, or marked do-not-call.
    #[sea_orm(string_value = "excluded")]
    Excluded,
}

/// How far an e-mail has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "email_status")]
pub enum EmailStatus {
    #[sea_orm(string_value = "pending")]
    Pending,
    /// The provider took it; that is not yet a delivery.
    #[sea_orm(string_value = "sent")]
    Sent,
    #[sea_orm(string_value = "failed")]
    Failed,
}

/// The end of a survey that a template is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "email_template_type")]
pub enum EmailTemplateType {
    #[sea_orm(string_value = "completed")]
    Completed,
    #[sea_orm(string_value = "refused")]
    Refused,
    #[sea_orm(string_value = "not_reached")]
    NotReached,
}

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "event_type")]
pub enum EventType {
    #[sea_orm(string_value = "survey.completed")]
    SurveyCompleted,
    #[sea_orm(string_value = "survey.refused")]
    SurveyRefused,
    #[sea_orm(string_value = "survey.not_reached")]
    SurveyNotReached,
}

/// How a number came onto the exclusion list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "exclusion_source")]
pub enum ExclusionSource {
    #[sea_orm(string_value = "import")]
    Import,
    #[sea_orm(string_value = "api")]
    Api,
    #[sea_orm(string_value = "manual")]
    Manual,
}

/// A language that the product speaks, ISO 639-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "language_code")]
pub enum LanguageCode {
    #[sea_orm(string_value = "en")]
    En,
    #[sea_orm(string_value = "it")]
    It,
}

/// Who runs the language model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "llm_provider")]
pub enum LlmProvider {
    #[sea_orm(string_value = "openai")]
    OpenAi,
    #[sea_orm(string_value = "anthropic")]
    Anthropic,
    #[sea_orm(string_value = "azure-openai")]
    AzureOpenAi,
    #[sea_orm(string_value = "google")]
    Google,
}

/// What kind of service places the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "provider_type")]
pub enum ProviderType {
    #[sea_orm(string_value = "telephony_api")]
    TelephonyApi,
    #[sea_orm(string_value = "voice_ai_platform")]
    VoiceAiPlatform,
}

/// What kind of answer a question asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "question_type")]
pub enum QuestionType {
    #[sea_orm(string_value = "free_text")]
    FreeText,
    #[sea_orm(string_value = "numeric")]
    Numeric,
    #[sea_orm(string_value = "scale")]
    Scale,
}

/// How a run of retention ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "retention_outcome")]
pub enum RetentionOutcome {
    #[sea_orm(string_value = "completed")]
    Completed,
    /// Recordings are left, because the hook failed or there is none.
    #[sea_orm(string_value = "incomplete")]
    Incomplete,
    #[sea_orm(string_value = "failed")]
    Failed,
}

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "user_role")]
pub enum UserRole {
    #[sea_orm(string_value = "admin")]
    Admin,
    #[sea_orm(string_value = "campaign_manager")]
    CampaignManager,
    #[sea_orm(string_value = "viewer")]
    Viewer,
}

/// Gives an enum the database's text as its `Display`, `FromStr` and serde form, so that no second
/// list of texts can differ from it.
macro_rules! speak_the_databases_text {
    ($($name:ident = $in_database:literal),+ $(,)?) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.to_value())
            }
        }

        impl FromStr for $name {
            type Err = ParseEnumError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::iter().find(|value| value.to_value() == text).ok_or_else(|| ParseEnumError {
                    name: $in_database,
                    found: text.to_owned(),
                    expected: Self::values().join(", "),
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )+};
}

speak_the_databases_text! {
    AuditAction = "audit_action",
    AuditActor = "audit_actor",
    CallOutcome = "call_outcome",
    CampaignStatus = "campaign_status",
    ContactLanguage = "contact_language",
    ContactState = "contact_state",
    EmailStatus = "email_status",
    EmailTemplateType = "email_template_type",
    EventType = "event_type",
    ExclusionSource = "exclusion_source",
    LanguageCode = "language_code",
    LlmProvider = "llm_provider",
    ProviderType = "provider_type",
    QuestionType = "question_type",
    RetentionOutcome = "retention_outcome",
    UserRole = "user_role",
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value's text in the database, by each way it is written and read.
    fn assert_speaks<E>(name: &str, texts: &[&str])
    where
        E: ActiveEnum<Value = String>
            + Copy
            + fmt::Debug
            + fmt::Display
            + FromStr<Err = ParseEnumError>
            + PartialEq
            + Serialize
            + for<'de> Deserialize<'de>,
    {
        assert_eq!(E::name().to_string(), name);
        assert_eq!(E::values(), texts, "{name}");
        for (value, text) in E::iter().zip(texts) {
            assert_eq!(value.to_string(), *text);
            assert_eq!(text.parse(), Ok(value));
            let json = serde_json::to_value(value).unwrap();
            assert_eq!(json, *text);
            assert_eq!(serde_json::from_value::<E>(json).unwrap(), value);
        }
        assert_eq!("?".parse::<E>().unwrap_err().name, name);
    }

    #[test]
    fn every_enum_has_exactly_the_data_models_values() {
        assert_speaks::<AuditAction>("audit_action", &["insert", "update", "delete", "truncate"]);
        assert_speaks::<AuditActor>("audit_actor", &["user", "system", "admin"]);
        assert_speaks::<CallOutcome>(
            "call_outcome",
            &["completed", "refused", "no_answer", "busy", "failed"],
        );
        assert_speaks::<CampaignStatus>(
            "campaign_status",
            &["draft", "scheduled", "running", "paused", "completed", "cancelled"],
        );
        assert_speaks::<ContactLanguage>("contact_language", &["en", "it", "auto"]);
        assert_speaks::<ContactState>(
            "contact_state",
            &["pending", "in_progress", "completed", "refused", "not_reached", "excluded"],
        );
        assert_speaks::<EmailStatus>("email_status", &["pending", "sent", "failed"]);
        assert_speaks::<EmailTemplateType>("email_template_type", &["completed", "refused", "not_reached"]);
        assert_speaks::<EventType>(
            "event_type",
            &["survey.completed", "survey.refused", "survey.not_reached"],
        );
        assert_speaks::<ExclusionSource>("exclusion_source", &["import", "api", "manual"]);
        assert_speaks::<LanguageCode>("language_code", &["en", "it"]);
        assert_speaks::<LlmProvider>("llm_provider", &["openai", "anthropic", "azure-openai", "google"]);
        assert_speaks::<ProviderType>("provider_type", &["telephony_api", "voice_ai_platform"]);
        assert_speaks::<QuestionType>("question_type", &["free_text", "numeric", "scale"]);
        assert_speaks::<RetentionOutcome>("retention_outcome", &["completed", "incomplete", "failed"]);
        assert_speaks::<UserRole>("user_role", &["admin", "campaign_manager", "viewer"]);
    }

    #[test]
    fn an_unknown_value_names_the_enum_and_its_values() {
        let error = "azure_openai".parse::<LlmProvider>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`azure_openai` is not a value of llm_provider, expected one of openai, anthropic, azure-openai, google"
        );
        let error = serde_json::from_str::<UserRole>(r#""root""#).unwrap_err().to_string();
        assert!(error.contains("user_role") && error.contains("campaign_manager"), "{error}");
    }
}
