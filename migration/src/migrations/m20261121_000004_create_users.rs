//! Creates `users`: the people who sign in through the identity provider.
//!
//! Intent: sign-in finds a user by `oidc_sub` or `email`, each by its unique constraint. A customer sees its own
//! row and, once `user_organizations` exists, the members of its organization. Of its own row it updates the metadata:
//! name and address come from the identity provider, and role and deletion concern all organizations.
//! Risk: none. The table is new, so nothing is locked or rewritten.
//! Down: drops every user.

use super::m20261121_000001_create_enums::USER_ROLE;
use crate::ddl::{BOUND_ORGANIZATION, BOUND_USER, NewTable, Policy, drop_table};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{json_binary, text, timestamp_with_time_zone_null};

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // With the first condition an unbound organization is an error, as on every other table.
        let own = format!("{BOUND_ORGANIZATION} is not null and id = {BOUND_USER}");
        NewTable::new(manager, "users")
            .text(text("oidc_sub"), 255)
            .text(text("email"), 255)
            .text(text("name"), 255)
            .column(USER_ROLE.column("role").default("viewer"))
            .column(json_binary("metadata").default("{}"))
            .column(timestamp_with_time_zone_null("deleted_at"))
            .unique(&["oidc_sub"])
            .unique(&["email"])
            .policy(&Policy::update("users_own", &own))
            .grant("select, update (metadata)")
            .create(manager)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "users").await
    }
}
