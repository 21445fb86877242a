//! Adds the value `complaint` to `exclusion_source`.
//!
//! Intent: a number that a regulator reports is excluded, and its source is named.
//! Risk: none. Only a row of the catalogue is added. Code of the previous release cannot read the value, so release
//! the code that knows it before code writes it.
//! Down: fails while a row has the value. PostgreSQL cannot remove one: the type is replaced, which rewrites
//! `exclusion_list_entries` under an access exclusive lock.

use migration::online::{EnumColumn, EnumType, EnumValues};
use sea_orm_migration::prelude::*;

/// The value can be used only after this transaction: what writes it is another migration.
const COMPLAINT: EnumValues = EnumValues {
    after: EnumType { name: "exclusion_source", values: &["import", "api", "manual", "complaint"] },
    added: &["complaint"],
    columns: &[EnumColumn { table: "exclusion_list_entries", name: "source", default: Some("manual") }],
    dependents: &[],
};

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        COMPLAINT.add(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        COMPLAINT.remove(manager).await
    }
}
