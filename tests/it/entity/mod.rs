//! The crate `entity`: columns and relations, and the entities that `sea-orm-cli` generates.

pub(crate) mod columns;
mod generated;
mod relations;
