//! The crate `database`: transactions and errors, and the queries of each table.

mod access;
mod actors;
mod audit_log_entries;
mod call_attempts;
mod campaigns;
mod cancellation;
mod contacts;
mod deleted_rows;
mod email_notifications;
mod email_templates;
mod engines;
mod events;
mod exclusion_list_entries;
mod faults;
mod isolation_level;
mod observability;
mod organizations;
mod page;
mod plans;
mod provider_configs;
mod proxy;
mod survey_responses;
mod tenants;
mod transcript_snippets;
mod user_organizations;
mod users;
