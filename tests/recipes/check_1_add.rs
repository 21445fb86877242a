//! Limits `contacts.attempts_count` in rows that are written from now on.
//!
//! Intent: no campaign allows more calls to one contact.
//! Risk: code that writes a larger number fails.
//! Locks: contacts (access exclusive: for the change of the catalogue, as `not valid` reads no row).
//! Down: nothing is lost.

use migration::online::Check;
use sea_orm_migration::prelude::*;

pub const CHECK: Check =
    Check { table: "contacts", rule: "attempts_count_limit", condition: "attempts_count <= 1000" };

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        CHECK.add(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        CHECK.drop(manager).await
    }
}
