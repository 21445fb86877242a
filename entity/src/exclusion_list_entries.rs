//! `exclusion_list_entries`: a number that an organization never calls.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    enums::ExclusionSource,
    id::{ExclusionListEntryId, OrganizationId, generated_on_insert},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "exclusion_list_entries")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ExclusionListEntryId,
    /// The tenant. Row Level Security compares it with the transaction's organization.
    #[sea_orm(unique_key = "organization_id_phone_number")]
    pub organization_id: OrganizationId,
    /// E.164: `+` and 2 to 15 digits.
    #[sea_orm(column_type = "Text", unique_key = "organization_id_phone_number")]
    pub phone_number: String,
    #[sea_orm(column_type = "Text")]
    pub reason: Option<String>,
    pub source: ExclusionSource,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,

    #[sea_orm(belongs_to, from = "organization_id", to = "id", on_delete = "Cascade")]
    pub organization: BelongsTo<super::organizations::Entity>,
}

generated_on_insert!(ExclusionListEntryId);
