//! Fills `exclusion_list_entries.reason_code` and `reason_note` in batches.
//!
//! Intent: reasons written before the trigger are split.
//! Risk: writers of a row wait for its batch, milliseconds. `updated_at` of the filled rows changes.
//! Down: nothing. The parts go with their columns.

use migration::online::{Backfill, is_postgres};
use sea_orm_migration::prelude::*;

pub fn backfill(manager: &SchemaManager<'_>) -> Backfill {
    let set = if is_postgres(manager) { SET } else { SQLITE_SET };
    Backfill::new("exclusion_list_entries", set, "reason_code is null and reason is not null")
}

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        backfill(manager).run(manager).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}

const SET: &str = "reason_code = split_part(reason, ': ', 1), reason_note = substring(reason from ': (.*)')";

const SQLITE_SET: &str = "reason_code = substr(reason, 1, instr(reason || ': ', ': ') - 1), \
    reason_note = case when instr(reason, ': ') > 0 then substr(reason, instr(reason, ': ') + 2) end";
