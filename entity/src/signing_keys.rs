//! `signing_keys`: the keys that sign the actors of customer transactions.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    id::{SigningKeyId, generated_on_insert},
    secret::Secret,
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "signing_keys")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SigningKeyId,
    /// The secret, padded for the inner hash of HMAC-SHA-256: 64 bytes.
    #[sea_orm(column_type = "VarBinary(StringLen::None)")]
    pub inner_key: Secret,
    /// The secret, padded for the outer hash: 64 bytes.
    #[sea_orm(column_type = "VarBinary(StringLen::None)")]
    pub outer_key: Secret,
    /// The time from which it is no longer accepted.
    pub expires_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

generated_on_insert!(SigningKeyId);
