//! The crate `entity`: columns and relations, and the entities that `sea-orm-cli` generates.

pub(crate) mod columns;
mod dependencies;
mod generated;
mod loading;
mod relations;
mod serialization;
