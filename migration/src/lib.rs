//! How the schema got here: one reversible migration for each table, and the command line that applies them.
//!
//! The migrations import nothing of this workspace: they mean in two years what they mean today.

pub mod annotations;
pub mod cli;
mod connect;
mod ddl;
mod emitted;
mod error;
mod generate;
mod ledger;
mod lock;
mod session;
mod statements;
mod status;
mod target;

mod m20261121_000001_create_enums;
mod m20261121_000002_create_functions;
mod m20261121_000003_create_organizations;
mod m20261121_000004_create_users;
mod m20261121_000005_create_user_organizations;
mod m20261121_000006_create_email_templates;
mod m20261121_000007_create_campaigns;
mod m20261121_000008_create_contacts;
mod m20261121_000009_create_exclusion_list_entries;
mod m20261121_000010_create_call_attempts;
mod m20261121_000011_create_survey_responses;
mod m20261121_000012_create_events;
mod m20261121_000013_create_email_notifications;
mod m20261121_000014_create_provider_configs;
mod m20261121_000015_create_transcript_snippets;

pub use emitted::{Emitted, Script, emitted};
pub use error::Error;
pub use generate::TEMPLATE;
pub use session::{Event, Options, Session};
pub use statements::{digest, statements};
pub use status::{State, Status};
pub use target::{AppEnv, Target};

use sea_orm_migration::prelude::{MigrationTrait, MigratorTrait, async_trait};

/// The migrations of this workspace, in the order of their names.
#[derive(Clone, Copy, Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_create_enums::Migration),
            Box::new(m20261121_000002_create_functions::Migration),
            Box::new(m20261121_000003_create_organizations::Migration),
            Box::new(m20261121_000004_create_users::Migration),
            Box::new(m20261121_000005_create_user_organizations::Migration),
            Box::new(m20261121_000006_create_email_templates::Migration),
            Box::new(m20261121_000007_create_campaigns::Migration),
            Box::new(m20261121_000008_create_contacts::Migration),
            Box::new(m20261121_000009_create_exclusion_list_entries::Migration),
            Box::new(m20261121_000010_create_call_attempts::Migration),
            Box::new(m20261121_000011_create_survey_responses::Migration),
            Box::new(m20261121_000012_create_events::Migration),
            Box::new(m20261121_000013_create_email_notifications::Migration),
            Box::new(m20261121_000014_create_provider_configs::Migration),
            Box::new(m20261121_000015_create_transcript_snippets::Migration),
        ]
    }
}
