//! Creates `signing_keys`: the keys that sign the actors of customer transactions.
//!
//! Intent: `bound_context()` reads a key by its id, and two are valid while one replaces the other. A row contains the
//! two padded keys of HMAC-SHA-256 instead of the secret, so that a verification pads nothing. Row Level Security has no
//! policy and customers have no privilege: only the owner reads it. On SQLite, which has no customer transactions, it stays
//! empty.
//! Risk: none. The table is new, so nothing is locked or rewritten.
//! Down: drops every key; transactions with a signed actor fail from then on.

use crate::ddl::{NewTable, drop_table};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{blob, timestamp_with_time_zone_null};

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        NewTable::new(manager, "signing_keys")
            .column(blob("inner_key"))
            .column(blob("outer_key"))
            .column(timestamp_with_time_zone_null("expires_at"))
            .check("inner_key_block", "length(inner_key) = 64")
            .check("outer_key_block", "length(outer_key) = 64")
            .create(manager)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "signing_keys").await
    }
}
