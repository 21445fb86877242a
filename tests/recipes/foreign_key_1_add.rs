//! Adds `contacts.invitation_template_id`, a key to `email_templates` that is not validated yet.
//!
//! Intent: a contact is invited by e-mail before the first call. The key contains the organization, so that it cannot
//! refer to a template of another one; deleting the template sets only this column to null.
//! Risk: writers of both tables wait for the moment it takes. `not valid` reads no row.
//! Locks: contacts (access exclusive: the new column); `email_templates` (share row exclusive: the key).
//! Down: drops the column, its values and its key.

use super::statements::{execute, is_postgres, sqlite_add_column, sqlite_drop_column};
use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            execute(manager, UP).await
        } else {
            sqlite_add_column(manager, "contacts", SQLITE).await
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            execute(manager, DOWN).await
        } else {
            sqlite_drop_column(manager, "contacts", "invitation_template_id").await
        }
    }
}

const UP: &str = "
alter table contacts add column if not exists invitation_template_id uuid;
do $$ begin
    alter table contacts add constraint fk_contacts_invitation_template_id_email_templates
        foreign key (organization_id, invitation_template_id) references email_templates (organization_id, id)
        on delete set null (invitation_template_id) not valid;
exception when duplicate_object then null; end $$";

const DOWN: &str = "alter table contacts drop column if exists invitation_template_id";

const SQLITE: &str = "invitation_template_id uuid_text \
    constraint fk_contacts_invitation_template_id_email_templates \
    references email_templates (id) on delete set null";
