//! Adds `email_notifications.error_details`, a document in place of the text `error_message`.
//!
//! Intent: a provider's code and message are stored apart. A trigger converts a change of either column.
//! Risk: each write of a notification runs one more trigger until the contract migration.
//! Locks: `email_notifications` (access exclusive: for the change of the catalogue).
//! Down: drops the documents; `error_message` has every message.

use migration::online::{CopyTrigger, add_column, drop_column, grant_update};
use sea_orm_migration::prelude::*;

pub fn trigger() -> CopyTrigger {
    CopyTrigger {
        table: "email_notifications",
        name: "error_details",
        columns: vec!["error_message", "error_details"],
        body: COPY.to_owned(),
        comment: "error_message and the message of error_details are one value.".to_owned(),
    }
}

const COPY: &str = "
    if tg_op = 'INSERT' and new.error_details is not null
        or tg_op = 'UPDATE' and new.error_details is distinct from old.error_details then
        new.error_message := new.error_details ->> 'message';
    elsif new.error_message is null then
        new.error_details := null;
    elsif tg_op = 'INSERT' or new.error_message is distinct from old.error_message then
        new.error_details := jsonb_build_object('message', new.error_message);
    end if;";

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new("error_details").json_binary().take();
        add_column(manager, "email_notifications", column).await?;
        grant_update(manager, "email_notifications", &["error_details"]).await?;
        trigger().create(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        trigger().drop(manager).await?;
        drop_column(manager, "email_notifications", "error_details").await
    }
}
