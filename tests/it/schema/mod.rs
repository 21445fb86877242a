//! The migrated schema, compared with the data model.

mod constraints;
mod file;
mod legacy_clients;
pub(crate) mod model;
pub(crate) mod shape;
