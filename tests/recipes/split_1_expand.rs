//! Adds `exclusion_list_entries.reason_code` and `reason_note`, the parts of `reason`.
//!
//! Intent: reports count the codes. A reason reads `code: note`; a trigger splits it and joins the parts.
//! Risk: each write of an entry runs one more trigger until the contract migration.
//! Locks: `exclusion_list_entries` (access exclusive: for the change of the catalogue).
//! Down: drops the parts; `reason` has them.

use migration::online::{CopyTrigger, add_column, drop_column};
use sea_orm_migration::prelude::*;

pub fn trigger() -> CopyTrigger {
    CopyTrigger {
        table: "exclusion_list_entries",
        name: "reason",
        columns: vec!["reason", "reason_code", "reason_note"],
        body: COPY.to_owned(),
        comment: "reason is reason_code and reason_note in one text.".to_owned(),
    }
}

const COPY: &str = "
    if tg_op = 'INSERT' and new.reason_code is not null
        or tg_op = 'UPDATE' and (new.reason_code, new.reason_note) is distinct from (old.reason_code, old.reason_note)
    then
        new.reason := new.reason_code || coalesce(': ' || new.reason_note, '');
    elsif tg_op = 'INSERT' or new.reason is distinct from old.reason then
        new.reason_code := split_part(new.reason, ': ', 1);
        new.reason_note := substring(new.reason from ': (.*)');
    end if;";

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for part in ["reason_code", "reason_note"] {
            add_column(manager, "exclusion_list_entries", ColumnDef::new(part).text().take()).await?;
        }
        trigger().create(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        trigger().drop(manager).await?;
        drop_column(manager, "exclusion_list_entries", "reason_code").await?;
        drop_column(manager, "exclusion_list_entries", "reason_note").await
    }
}
