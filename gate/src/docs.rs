//! Documents of the migrated schema: `migration/schema.sql` and `docs/schema`.

pub(crate) mod areas;
mod decision;
pub(crate) mod deleted_rows;
pub mod grants;
mod mermaid;
mod page;
pub mod pages;
mod queries;
pub(crate) mod readers;
pub mod schema_sql;
