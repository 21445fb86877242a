//! `events`: the outbox of the event bus.

pub use crate::generated::events::*;

use crate::page::{self, Cursor, Page};
use crate::parent::{self, Parent};
use crate::{CustomerTx, Error, Scope, Tx, campaigns};
use entity::enums::EventType;
use entity::events;
use entity::id::{CallAttemptId, CampaignId, ContactId, EventId};
use entity::json::EventPayload;
use sea_orm::{ColumnTrait, EntityTrait, NotSet, QueryFilter, QueryOrder, Set};
use sea_query::Expr;

/// An event to insert; it is published later, by [`publish`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// The kind of event.
    pub event_type: EventType,
    /// A campaign of the same organization.
    pub campaign_id: CampaignId,
    /// A contact of the same organization.
    pub contact_id: ContactId,
    /// The call that caused the event; `None`: no call did.
    pub call_attempt_id: Option<CallAttemptId>,
    /// The content of the event, without these keys.
    pub payload: EventPayload,
}

/// Returns the event.
///
/// # Deleted rows
/// - `campaigns`, `organizations`: reads - a subscriber looks up an event that was published
pub async fn find(tx: &Tx<impl Scope>, id: EventId) -> Result<Option<events::Model>, Error> {
    let tx = &tx.query("events.find");
    Ok(events::Entity::find_by_id(id).one(tx).await?)
}

/// Returns a page of a campaign's events, newest first.
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `organizations`: bound
pub async fn list_by_campaign(
    tx: &CustomerTx,
    campaign_id: CampaignId,
    after: Option<Cursor<EventId>>,
    limit: u64,
) -> Result<Page<events::Model, EventId>, Error> {
    let tx = &tx.query("events.list_by_campaign");
    let select = events::Entity::find()
        .filter(events::COLUMN.campaign_id.eq(campaign_id))
        .filter(campaigns::is_live(Expr::val(campaign_id)));
    let key = (events::Column::CreatedAt, events::Column::Id);
    page::newest_first(tx, select, key, after, limit, |event| Cursor {
        created_at: event.created_at,
        id: event.id,
    })
    .await
}

/// Returns a contact's events, oldest first.
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `organizations`: bound
pub async fn list_by_contact(tx: &CustomerTx, contact_id: ContactId) -> Result<Vec<events::Model>, Error> {
    let tx = &tx.query("events.list_by_contact");
    Ok(events::Entity::find()
        .filter(events::COLUMN.contact_id.eq(contact_id))
        .filter(campaigns::is_live(events::Column::CampaignId.into_expr()))
        .order_by_asc(events::Column::CreatedAt)
        .order_by_asc(events::Column::Id)
        .all(tx)
        .await?)
}

/// Inserts an event.
///
/// # Errors
/// [`Error::Constraint`]: the campaign, contact or call belongs to another organization. [`Error::Deleted`]: the campaign
/// or the organization.
///
/// # Deleted rows
/// - `campaigns`, `organizations`: refused
pub async fn create(tx: &CustomerTx, event: NewEvent) -> Result<events::Model, Error> {
    let tx = &tx.query("events.create");
    let NewEvent { event_type, campaign_id, contact_id, call_attempt_id, payload } = event;
    let row = events::ActiveModel {
        id: NotSet,
        organization_id: Set(tx.organization()),
        event_type: Set(event_type),
        campaign_id: Set(campaign_id),
        contact_id: Set(contact_id),
        call_attempt_id: Set(call_attempt_id),
        payload: Set(payload),
        published_at: Set(None),
        created_at: NotSet,
        updated_at: NotSet,
    };
    parent::insert(tx, row, &[Parent::Campaign(campaign_id), Parent::Organization(tx.organization())]).await
}

/// Publishes at most `batch` events, oldest first: locks them, passes them to `publish`, and marks those whose ids it
/// returns as published. Returns the number of events that were marked.
///
/// Until the transaction ends, other transactions skip these events. An event that `publish` leaves out is passed again
/// by a later call, and so are all events if the transaction is rolled back: each is published at least once.
///
/// # Deleted rows
/// - `campaigns`, `organizations`: reads - an event that was inserted is published
pub async fn publish<Published>(
    tx: &Tx<impl Scope>,
    batch: i64,
    publish: impl FnOnce(Vec<UnpublishedEvent>) -> Published,
) -> Result<u64, Error>
where
    Published: Future<Output = Vec<EventId>>,
{
    let events = lock_unpublished(tx, batch).await?;
    if events.is_empty() {
        return Ok(0);
    }
    let published = publish(events).await;
    mark_published(tx, published).await
}
