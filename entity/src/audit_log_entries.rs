//! `audit_log_entries`: one change of a row, written by a trigger.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    enums::{AuditAction, AuditActor},
    id::{AuditLogEntryId, OrganizationId, UserId, generated_on_insert},
    json::Changes,
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "audit_log_entries")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditLogEntryId,
    /// The tenant of the changed row, which may be gone; `None` if an administrator changed a user.
    pub organization_id: Option<OrganizationId>,
    pub actor: AuditActor,
    /// `None` unless a user acted. The user may be gone.
    pub user_id: Option<UserId>,
    /// The database login.
    #[sea_orm(column_type = "Text")]
    pub login: String,
    /// The number that PostgreSQL gave the transaction.
    pub transaction_id: i64,
    pub action: AuditAction,
    #[sea_orm(column_type = "Text")]
    pub table_name: String,
    /// The id of the changed row, of the type that belongs to `table_name`; `None` for a truncate.
    pub row_id: Option<Uuid>,
    #[sea_orm(column_type = "JsonBinary")]
    pub changes: Changes,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

generated_on_insert!(AuditLogEntryId);
