//! The schema as it is now: one entity per table, without queries and without I/O.
//!
//! A `Model` holds personal data (names, e-mail addresses, phone numbers, answers) and its `Debug`
//! prints it: a `Model`, an `ActiveModel` or a document of [`json`] never goes into a log or an
//! error. The [`id`]s may.
//!
//! `created_at` and `updated_at` stay `NotSet`: the server's default and trigger write them. An id
//! left `NotSet` is made by [`id`] on `ActiveModel::insert` and `save`; the bulk forms
//! (`Entity::insert`, `Entity::insert_many`) run no hook, so there the id is the caller's, or the
//! server's version 4.
//!
//! A `unique_key` is the name of its constraint without `uq_<table>_`; `organization_id_id` is the one
//! that other tables' composite foreign keys refer to. Never enable SeaORM's `schema-sync`: it drops
//! constraints that an entity does not declare.

pub mod call_attempts;
pub mod campaigns;
pub mod contacts;
pub mod email_notifications;
pub mod email_templates;
pub mod enums;
pub mod events;
pub mod exclusion_list_entries;
pub mod id;
pub mod json;
pub mod organizations;
pub mod prelude;
pub mod provider_configs;
pub mod survey_responses;
pub mod transcript_snippets;
pub mod user_organizations;
pub mod users;

#[cfg(test)]
mod in_memory;
