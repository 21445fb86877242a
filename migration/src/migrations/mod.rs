//! The migrations, one file for each, named by their time.
//!
//! They import nothing of this workspace but the builders of [`crate::ddl`] and [`crate::online`]: they mean in two
//! years what they mean today.

use sea_orm_migration::prelude::MigrationTrait;

/// Declares the modules and lists their migrations.
macro_rules! migrations {
    ($($module:ident,)*) => {
        $(mod $module;)*

        /// Every migration, oldest first.
        pub(crate) fn all() -> Vec<Box<dyn MigrationTrait>> {
            vec![$(Box::new($module::Migration)),*]
        }

        /// The source of each migration by its name.
        pub(crate) const SOURCES: &[(&str, &str)] =
            &[$((stringify!($module), include_str!(concat!(stringify!($module), ".rs")))),*];
    };
}

// In the order of their names; `generate` appends to it.
migrations! {
    m20261121_000001_create_enums,
    m20261121_000002_create_functions,
    m20261121_000003_create_organizations,
    m20261121_000004_create_users,
    m20261121_000005_create_user_organizations,
    m20261121_000006_create_email_templates,
    m20261121_000007_create_campaigns,
    m20261121_000008_create_contacts,
    m20261121_000009_create_exclusion_list_entries,
    m20261121_000010_create_call_attempts,
    m20261121_000011_create_survey_responses,
    m20261121_000012_create_events,
    m20261121_000013_create_email_notifications,
    m20261121_000014_create_provider_configs,
    m20261121_000015_create_signing_keys,
    m20261121_000016_create_bind_actor,
    m20261121_000017_create_transcript_snippets,
    m20261121_000018_create_audit_log_entries,
    m20261121_000019_create_audit_seals,
    m20261121_000020_create_retention_runs,
    m20261121_000021_create_erasure_requests,
}
