//! `audit_seals`: a seal over entries of the audit trail, written by `ops audit seal`.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AuditSealId, generated_on_insert};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "audit_seals")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditSealId,
    /// Its place in the chain, from 1.
    #[sea_orm(unique)]
    pub number: i64,
    /// The digest of the seal before it; 64 zeros in the first one.
    #[sea_orm(column_type = "Text")]
    pub previous_digest: String,
    #[sea_orm(column_type = "Text")]
    pub digest: String,
    #[sea_orm(column_type = "Text")]
    pub snapshot: String,
    /// A line for each entry: its id, a space, and the SHA-256 of its content.
    #[sea_orm(column_type = "Text")]
    pub entries: String,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

generated_on_insert!(AuditSealId);
