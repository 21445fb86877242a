//! Validates the key of `contacts.invitation_template_id`.
//!
//! Intent: rows that were written before the key refer to templates of their organization as well.
//! Risk: reads the table once; readers and writers of both tables continue.
//! Locks: contacts (share update exclusive: the validation).
//! Down: nothing is lost; the key is `not valid` again.

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

const UP: &str =
    "alter table contacts validate constraint fk_contacts_invitation_template_id_email_templates";

/// A valid constraint cannot become `not valid`; it is replaced.
const DOWN: &str = "
alter table contacts
    drop constraint if exists fk_contacts_invitation_template_id_email_templates,
    add constraint fk_contacts_invitation_template_id_email_templates
        foreign key (organization_id, invitation_template_id) references email_templates (organization_id, id)
        on delete set null (invitation_template_id) not valid";
