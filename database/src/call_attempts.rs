//! `call_attempts`: the calls of the customer's organization.

use crate::{CustomerTx, Error, Tx};
use entity::call_attempts;
use entity::id::{CallAttemptId, ContactId};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};

/// The call of this id; `None` where there is none, or it is another organization's.
///
/// # Errors
/// The database fails.
pub async fn find(
    tx: &Tx<impl Send + Sync>,
    id: CallAttemptId,
) -> Result<Option<call_attempts::Model>, Error> {
    Ok(call_attempts::Entity::find_by_id(id).one(tx).await?)
}

/// The call that the product calls so; `None` as with [`find`].
///
/// A webhook, which does not know its organization, asks as the admin and goes on as that organization.
///
/// # Errors
/// The database fails.
pub async fn find_by_call_id(
    tx: &Tx<impl Send + Sync>,
    call_id: &str,
) -> Result<Option<call_attempts::Model>, Error> {
    Ok(call_attempts::Entity::find_by_call_id(call_id).one(tx).await?)
}

/// The call that the provider calls so, the one started last where several are; `None` as with [`find`].
///
/// # Errors
/// The database fails.
pub async fn find_by_provider_call_id(
    tx: &Tx<impl Send + Sync>,
    provider_call_id: &str,
) -> Result<Option<call_attempts::Model>, Error> {
    Ok(call_attempts::Entity::find()
        .filter(call_attempts::COLUMN.provider_call_id.eq(provider_call_id))
        .order_by_desc(call_attempts::Column::StartedAt)
        .order_by_desc(call_attempts::Column::Id)
        .one(tx)
        .await?)
}

/// The calls to a contact, the first attempt first; empty where the contact is another organization's.
///
/// # Errors
/// The database fails.
pub async fn list(tx: &CustomerTx, contact: ContactId) -> Result<Vec<call_attempts::Model>, Error> {
    Ok(call_attempts::Entity::find()
        .filter(call_attempts::COLUMN.contact_id.eq(contact))
        .order_by_asc(call_attempts::Column::AttemptNumber)
        .all(tx)
        .await?)
}

/// How many calls have no outcome yet, because they are under way or whoever placed them is gone. An admin's
/// transaction counts those of all organizations.
///
/// # Errors
/// The database fails.
pub async fn count_without_outcome(tx: &Tx<impl Send + Sync>) -> Result<u64, Error> {
    Ok(call_attempts::Entity::find().filter(call_attempts::COLUMN.outcome.is_null()).count(tx).await?)
}
