//! Is not complete: see `UNDECIDED`.
//!
//! Intent: why, and for each index the query it serves.
//! Risk: not known before the steps of `UNDECIDED` are written.
//! Down: fails before the steps of `UNDECIDED` are written.

use sea_orm_migration::prelude::*;

/// What would lose data, lock a table for long, or violate a convention.
const UNDECIDED: &str = "these changes are left to be written in place of this error:\n\
    - column users.metadata: is not null and has no default, so that it cannot be added to a table with \
    rows; state a default_value in the entity, or add it as Option first; docs/migrations.md, \"Set NOT \
    NULL\"\n\
    - column contacts.nickname: the entity lacks it; dropping it loses its values and breaks the \
    running release; docs/migrations.md, \"Drop a column\"";

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration(UNDECIDED.to_owned()))
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration(UNDECIDED.to_owned()))
    }
}
