//! Adds `contacts.priority`.
//!
//! Intent: the scheduler calls contacts of a higher priority first.
//! Risk: none. The default is a constant, which PostgreSQL stores in the catalogue: no row is read or written.
//! Locks: contacts (access exclusive: for the change of the catalogue).
//! Down: drops every priority.

use migration::online::{add_column, drop_column};
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new("priority").big_integer().not_null().default(0).take();
        add_column(manager, "contacts", column).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_column(manager, "contacts", "priority").await
    }
}
