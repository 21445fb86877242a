//! The schema as it is now: one entity per table, without queries, without I/O and without a database driver.
//!
//! A `Model` holds personal data (names, e-mail addresses, phone numbers, answers) and its `Debug`
//! prints it: never write a `Model`, an `ActiveModel` or a document of [`json`] to a log or an
//! error. The [`id`]s are safe to log.
//!
//! `created_at` and `updated_at` stay `NotSet`: the server's default and trigger write them. An id
//! left `NotSet` is generated on `ActiveModel::insert` and `save`. The bulk forms (`Entity::insert`,
//! `Entity::insert_many`) run no hook: there the caller sets the id, or the server generates a
//! version 4 UUID.
//!
//! A `unique_key` is the name of its constraint without `uq_<table>_`; `organization_id_id` is the
//! target of other tables' composite foreign keys. Never enable SeaORM's `schema-sync`: it drops
//! constraints that an entity does not declare.

pub mod enums;
pub mod id;
pub mod json;
pub mod secret;

/// Declares the module of each table, [`prelude`], [`ID_PREFIXES`] and [`for_each_table!`]. `$d` is a dollar sign,
/// which a macro cannot write into a macro that it defines.
macro_rules! tables {
    (($d:tt) $($table:ident: $Entity:ident,)+) => {
        $(pub mod $table;)+

        /// The entities, named after their tables.
        pub mod prelude {
            $(pub use crate::$table::Entity as $Entity;)+
        }

        /// Each table with the prefix of its ids.
        pub const ID_PREFIXES: &[(&str, &str)] = &[$((
            stringify!($table),
            <<$table::PrimaryKey as sea_orm::PrimaryKeyTrait>::ValueType>::PREFIX,
        )),+];

        /// Passes the list of tables to a macro, as `campaigns: Campaigns, contacts: Contacts, …`: the module of each
        /// table and the name of its entity in [`prelude`]. A table follows the tables it references.
        ///
        /// ```
        /// macro_rules! names {
        ///     ($($table:ident: $Entity:ident,)+) => { [$(stringify!($table)),+] };
        /// }
        /// assert!(entity::for_each_table!(names).contains(&"campaigns"));
        /// ```
        #[macro_export]
        macro_rules! for_each_table {
            ($d callback:ident) => {
                $d callback! { $($table: $Entity,)+ }
            };
        }
    };
}

// A table follows the tables it references: rows are inserted in this order.
tables! {
    ($)
    organizations: Organizations,
    users: Users,
    user_organizations: UserOrganizations,
    email_templates: EmailTemplates,
    campaigns: Campaigns,
    contacts: Contacts,
    exclusion_list_entries: ExclusionListEntries,
    call_attempts: CallAttempts,
    survey_responses: SurveyResponses,
    erasure_requests: ErasureRequests,
    events: Events,
    email_notifications: EmailNotifications,
    provider_configs: ProviderConfigs,
    signing_keys: SigningKeys,
    transcript_snippets: TranscriptSnippets,
    audit_log_entries: AuditLogEntries,
    audit_seals: AuditSeals,
    retention_runs: RetentionRuns,
}
