//! Adds `contacts.invitation_template_id`, a key to `email_templates` that is not validated yet.
//!
//! Intent: a contact is invited by e-mail before the first call. The key contains the organization, so that it cannot
//! refer to a template of another one; deleting the template sets only this column to null.
//! Risk: writers of both tables wait for the moment it takes. `not valid` reads no row.
//! Locks: contacts (access exclusive: the new column); `email_templates` (share row exclusive: the key).
//! Down: drops the column, its values and its key.

use migration::online::{ForeignKey, add_column, drop_column};
use sea_orm_migration::prelude::*;

pub fn key() -> ForeignKey {
    ForeignKey::own("contacts", "invitation_template_id", "email_templates", "set null")
}

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_column(manager, "contacts", ColumnDef::new("invitation_template_id").uuid().take()).await?;
        key().add(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        key().drop(manager).await?;
        drop_column(manager, "contacts", "invitation_template_id").await
    }
}
