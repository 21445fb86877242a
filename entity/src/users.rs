//! `users`: a person who signs in through the identity provider.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    enums::UserRole,
    id::{UserId, generated_on_insert},
    json::Preferences,
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "users")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    /// The identity provider's name for the person, its `sub` claim.
    #[sea_orm(column_type = "Text", unique)]
    pub oidc_sub: String,
    #[sea_orm(column_type = "Text", unique)]
    pub email: String,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The same in every organization that the user belongs to.
    pub role: UserRole,
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: Preferences,
    /// `None` while the row is in use: deleting it in the product only sets this time.
    pub deleted_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,

    /// The campaigns that the user created.
    #[sea_orm(has_many)]
    pub campaigns: HasMany<super::campaigns::Entity>,
    #[sea_orm(has_many)]
    pub user_organizations: HasMany<super::user_organizations::Entity>,
    #[sea_orm(has_many, via = "user_organizations")]
    pub organizations: HasMany<super::organizations::Entity>,
}

generated_on_insert!(UserId);
