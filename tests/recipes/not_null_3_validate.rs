//! Validates the check that `email_templates.body_text` is not null.
//!
//! Intent: the valid check proves that no row has a null, so that `set not null` does not read the table.
//! Risk: reads the table once; readers and writers continue.
//! Locks: `email_templates` (share update exclusive: the validation).
//! Down: nothing is lost; the check is `not valid` again.

use super::statements::{execute, is_postgres};
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) { execute(manager, UP).await } else { Ok(()) }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) { execute(manager, DOWN).await } else { Ok(()) }
    }
}

const UP: &str = "alter table email_templates validate constraint ck_email_templates_body_text_present";

/// A valid constraint cannot become `not valid`; it is replaced.
const DOWN: &str = "
alter table email_templates
    drop constraint if exists ck_email_templates_body_text_present,
    add constraint ck_email_templates_body_text_present check (body_text is not null) not valid";
