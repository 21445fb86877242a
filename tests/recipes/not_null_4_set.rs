//! Sets `email_templates.body_text` to `not null`, and drops the check that proves it.
//!
//! Intent: the entity's field becomes `String`.
//! Risk: none. The valid check proves that there is no null, so that no row is read.
//! Locks: `email_templates` (access exclusive: for the change of the catalogue).
//! Down: the column is nullable again and has its check, for which the table is read once.

use super::statements::{execute, is_postgres, sqlite_redefine};
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            execute(manager, UP).await
        } else {
            sqlite_redefine(manager, "email_templates", NULLABLE, NOT_NULL).await
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            execute(manager, DOWN).await
        } else {
            sqlite_redefine(manager, "email_templates", NOT_NULL, NULLABLE).await
        }
    }
}

/// The validation reads nothing after the migration before this one. Without that, it reads the table under the weaker
/// lock, before `set not null` would do it under the stronger one.
const UP: &str = "
do $$ begin
    alter table email_templates validate constraint ck_email_templates_body_text_present;
exception when undefined_object then null; end $$;
alter table email_templates alter column body_text set not null;
alter table email_templates drop constraint if exists ck_email_templates_body_text_present";

const DOWN: &str = "
do $$ begin
    alter table email_templates add constraint ck_email_templates_body_text_present
        check (body_text is not null);
exception when duplicate_object then null; end $$;
alter table email_templates alter column body_text drop not null";

const NULLABLE: &str = "\"body_text\" text NULL,";

const NOT_NULL: &str = "\"body_text\" text NOT NULL,";
