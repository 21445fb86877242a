//! Requires `email_templates.body_text` in rows that are written from now on.
//!
//! Intent: every e-mail has a plain-text part. The column becomes `not null` in four migrations.
//! Risk: code that writes null fails, so release the code that always writes the column first.
//! Locks: `email_templates` (access exclusive: for the change of the catalogue; `not valid` reads no row).
//! Down: nothing is lost.

use super::statements::{execute, is_postgres};
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite gets `not null` in the last of the four.
        if is_postgres(manager) { execute(manager, UP).await } else { Ok(()) }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) { execute(manager, DOWN).await } else { Ok(()) }
    }
}

const UP: &str = "
do $$ begin
    alter table email_templates add constraint ck_email_templates_body_text_present
        check (body_text is not null) not valid;
exception when duplicate_object then null; end $$";

const DOWN: &str =
    "alter table email_templates drop constraint if exists ck_email_templates_body_text_present";
