//! `user_organizations`: the membership of a user in an organization.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{OrganizationId, UserId, UserOrganizationId, generated_on_insert};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "user_organizations")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserOrganizationId,
    #[sea_orm(unique_key = "user_id_organization_id")]
    pub user_id: UserId,
    #[sea_orm(unique_key = "user_id_organization_id")]
    pub organization_id: OrganizationId,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,

    #[sea_orm(belongs_to, from = "organization_id", to = "id", on_delete = "Cascade")]
    pub organization: BelongsTo<super::organizations::Entity>,
    #[sea_orm(belongs_to, from = "user_id", to = "id", on_delete = "Cascade")]
    pub user: BelongsTo<super::users::Entity>,
}

generated_on_insert!(UserOrganizationId);
