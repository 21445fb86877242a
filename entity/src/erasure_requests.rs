//! `erasure_requests`: a person's request to erase what is stored about one contact.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{ContactId, ErasureRequestId, OrganizationId, generated_on_insert};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "erasure_requests")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ErasureRequestId,
    /// The tenant. Row Level Security compares it with the transaction's organization.
    pub organization_id: OrganizationId,
    /// `None`: the contact has been deleted.
    pub contact_id: Option<ContactId>,
    /// The deadline.
    pub due_at: DateTimeUtc,
    /// `None` while a call is under way, whose data may still arrive.
    pub completed_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,

    #[sea_orm(
        belongs_to,
        from = "(organization_id, contact_id)",
        to = "(organization_id, id)",
        on_delete = "SetNull"
    )]
    pub contact: BelongsTo<Option<super::contacts::Entity>>,
    #[sea_orm(belongs_to, from = "organization_id", to = "id", on_delete = "Cascade")]
    pub organization: BelongsTo<super::organizations::Entity>,
}

generated_on_insert!(ErasureRequestId);
