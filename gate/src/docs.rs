//! Documents of the migrated schema: `migration/schema.sql` and `docs/schema`.

pub(crate) mod areas;
pub mod grants;
mod mermaid;
mod page;
pub mod pages;
mod readers;
pub mod schema_sql;
