//! `call_attempts`: the calls to contacts, one for each attempt.

pub use crate::generated::call_attempts::*;

use crate::{CustomerTx, Error, Scope, Tx, campaigns};
use entity::call_attempts;
use entity::id::{CallAttemptId, ContactId};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};

/// Returns the call attempt.
///
/// # Deleted rows
/// - `campaigns`, `organizations`: reads - an event of the provider finds its call
pub async fn find(tx: &Tx<impl Scope>, id: CallAttemptId) -> Result<Option<call_attempts::Model>, Error> {
    let tx = &tx.query("call_attempts.find");
    Ok(call_attempts::Entity::find_by_id(id).one(tx).await?)
}

/// Returns the call attempt with this `call_id`.
///
/// A webhook does not know its organization: it looks the call up in an admin transaction, and continues in a customer
/// transaction of the organization found.
///
/// # Deleted rows
/// - `campaigns`, `organizations`: reads - an event of the provider finds its call
pub async fn find_by_call_id(
    tx: &Tx<impl Scope>,
    call_id: &str,
) -> Result<Option<call_attempts::Model>, Error> {
    let tx = &tx.query("call_attempts.find_by_call_id");
    Ok(call_attempts::Entity::find_by_call_id(call_id).one(tx).await?)
}

/// Returns the call attempt with this `provider_call_id`; if several have it, the newest.
///
/// # Deleted rows
/// - `campaigns`, `organizations`: reads - an event of the provider finds its call
pub async fn find_by_provider_call_id(
    tx: &Tx<impl Scope>,
    provider_call_id: &str,
) -> Result<Option<call_attempts::Model>, Error> {
    let tx = &tx.query("call_attempts.find_by_provider_call_id");
    Ok(call_attempts::Entity::find()
        .filter(call_attempts::COLUMN.provider_call_id.eq(provider_call_id))
        .order_by_desc(call_attempts::Column::StartedAt)
        .order_by_desc(call_attempts::Column::Id)
        .one(tx)
        .await?)
}

/// Returns the calls to a contact in the order of their attempt numbers.
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `organizations`: bound
pub async fn list_by_contact(
    tx: &CustomerTx,
    contact_id: ContactId,
) -> Result<Vec<call_attempts::Model>, Error> {
    let tx = &tx.query("call_attempts.list_by_contact");
    Ok(call_attempts::Entity::find()
        .filter(call_attempts::COLUMN.contact_id.eq(contact_id))
        .filter(campaigns::is_live(call_attempts::Column::CampaignId.into_expr()))
        .order_by_asc(call_attempts::Column::AttemptNumber)
        .all(tx)
        .await?)
}

/// Returns the number of calls without an outcome: calls under way, and calls whose scheduler ended before it recorded
/// an outcome.
///
/// # Deleted rows
/// - `campaigns`, `organizations`: reads - a call under way is counted until it ends
pub async fn count_without_outcome(tx: &Tx<impl Scope>) -> Result<u64, Error> {
    let tx = &tx.query("call_attempts.count_without_outcome");
    Ok(call_attempts::Entity::find().filter(call_attempts::COLUMN.outcome.is_null()).count(tx).await?)
}
