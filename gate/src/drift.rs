//! The entities, as they are declared and as SeaORM reads them.

pub mod entities;
pub(crate) mod models;
