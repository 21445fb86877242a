//! Creates `user_organizations`: the members of each organization.
//!
//! Intent: lists the members of an organization by `ix_user_organizations_organization`, and the organizations of a
//! user by the unique constraint. Memberships decide which users a customer sees, so the policy on `users` that
//! reads them is created here.
//! Risk: reads of `users` and writes to `organizations` wait until the migration commits. Nothing is rewritten.
//! Locks: organizations (share row exclusive: the key); users (access exclusive: the policy).
//! Down: drops every membership and the policy on `users` that reads them.

use crate::ddl::{BOUND_ORGANIZATION, BOUND_USER, NewTable, Policy, drop_policy, drop_table, set_policy};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::uuid;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let own = format!("organization_id = {BOUND_ORGANIZATION}");
        NewTable::new(manager, "user_organizations")
            .column(uuid("user_id"))
            .column(uuid("organization_id"))
            .references("user_id", "users", ForeignKeyAction::Cascade)
            .references("organization_id", "organizations", ForeignKeyAction::Cascade)
            .unique(&["user_id", "organization_id"])
            .index(&["organization_id"])
            .policy(&Policy::all("tenant_isolation", &own))
            .grant("select")
            .create(manager)
            .await?;
        // With the first condition an unbound organization is an error even if no row is read.
        let visible = format!(
            "{BOUND_ORGANIZATION} is not null and (id = {BOUND_USER} or exists ( \
             select from user_organizations m where m.user_id = users.id and m.{own}))"
        );
        set_policy(manager, "users", &Policy::select("users_visible", &visible)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_policy(manager, "users", "users_visible").await?;
        drop_table(manager, "user_organizations").await
    }
}
