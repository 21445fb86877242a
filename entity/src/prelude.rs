//! The entities under their tables' names.

pub use crate::{
    call_attempts::Entity as CallAttempts, campaigns::Entity as Campaigns, contacts::Entity as Contacts,
    email_notifications::Entity as EmailNotifications, email_templates::Entity as EmailTemplates,
    events::Entity as Events, exclusion_list_entries::Entity as ExclusionListEntries,
    organizations::Entity as Organizations, provider_configs::Entity as ProviderConfigs,
    survey_responses::Entity as SurveyResponses, transcript_snippets::Entity as TranscriptSnippets,
    user_organizations::Entity as UserOrganizations, users::Entity as Users,
};
