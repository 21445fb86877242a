//! `contacts`: the people whom a campaign calls.

pub use crate::generated::contacts::*;
pub use crate::parent::ERASED;

use crate::generated::contacts as generated;
use crate::page::{self, Cursor, Page};
use crate::parent::{self, Parent};
use crate::transaction::require_read_committed;
use crate::{CustomerTx, Error, Scope, Tx, campaigns};
use entity::contacts;
use entity::enums::{ContactLanguage, ContactState};
use entity::id::{CampaignId, ContactId};
use sea_orm::prelude::ChronoTime;
use sea_orm::{
    ActiveEnum, ColumnTrait, EntityTrait, NotSet, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Set,
};
use sea_query::{Expr, ExprTrait};

/// A contact to insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContact {
    /// A campaign of the same organization.
    pub campaign_id: CampaignId,
    /// The contact's key in the system that it was imported from.
    pub external_contact_id: Option<String>,
    /// E.164: `+` and 2 to 15 digits.
    pub phone_number: String,
    /// The address for follow-up e-mails; `None`: no e-mail is sent.
    pub email: Option<String>,
    /// The language of the call.
    pub preferred_language: ContactLanguage,
    /// Whether the contact agreed to be called before the import.
    pub has_prior_consent: bool,
    /// Whether the contact must not be called; its state is then excluded instead of pending.
    pub do_not_call: bool,
}

/// The number of contacts in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the state of that name")]
pub struct StateCounts {
    pub pending: u64,
    pub in_progress: u64,
    pub completed: u64,
    pub refused: u64,
    pub not_reached: u64,
    pub excluded: u64,
}

impl StateCounts {
    /// Returns the number of contacts in any state.
    #[must_use]
    pub const fn total(&self) -> u64 {
        let Self { pending, in_progress, completed, refused, not_reached, excluded } = *self;
        pending + in_progress + completed + refused + not_reached + excluded
    }
}

/// Returns the contact.
///
/// # Deleted rows
/// - `campaigns`: reads - a call under way needs its contact
/// - `organizations`: reads - an admin transaction reads every organization
pub async fn find(tx: &Tx<impl Scope>, id: ContactId) -> Result<Option<contacts::Model>, Error> {
    let tx = &tx.query("contacts.find");
    Ok(contacts::Entity::find_by_id(id).one(tx).await?)
}

/// Returns a page of a campaign's contacts, newest first.
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `organizations`: bound
pub async fn list_by_campaign(
    tx: &CustomerTx,
    campaign_id: CampaignId,
    state: Option<ContactState>,
    after: Option<Cursor<ContactId>>,
    limit: u64,
) -> Result<Page<contacts::Model, ContactId>, Error> {
    let tx = &tx.query("contacts.list_by_campaign");
    let select = contacts::Entity::find()
        .filter(contacts::COLUMN.campaign_id.eq(campaign_id))
        .filter(campaigns::is_live(Expr::val(campaign_id)))
        // A constant, from which the planner proves the predicate of the state's index.
        .apply_if(state, |select, state| {
            select.filter(contacts::Column::State.into_expr().eq(Expr::Constant(state.to_value().into())))
        });
    let key = (contacts::Column::CreatedAt, contacts::Column::Id);
    page::newest_first(tx, select, key, after, limit, |contact| Cursor {
        created_at: contact.created_at,
        id: contact.id,
    })
    .await
}

/// Returns the campaign's contacts with this phone number, newest first. A number can be imported more than once.
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `organizations`: bound
pub async fn list_by_campaign_and_phone_number(
    tx: &CustomerTx,
    campaign_id: CampaignId,
    phone_number: &str,
) -> Result<Vec<contacts::Model>, Error> {
    let tx = &tx.query("contacts.list_by_campaign_and_phone_number");
    Ok(contacts::Entity::find()
        .filter(contacts::COLUMN.campaign_id.eq(campaign_id))
        .filter(contacts::COLUMN.phone_number.eq(phone_number))
        .filter(campaigns::is_live(Expr::val(campaign_id)))
        .order_by_desc(contacts::Column::CreatedAt)
        .order_by_desc(contacts::Column::Id)
        .all(tx)
        .await?)
}

/// Returns the number of a campaign's contacts in each state; all 0 if the campaign is not visible or deleted.
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `organizations`: bound
pub async fn count_by_state(tx: &CustomerTx, campaign_id: CampaignId) -> Result<StateCounts, Error> {
    let tx = &tx.query("contacts.count_by_state");
    let rows = contacts::Entity::find()
        .select_only()
        .column(contacts::Column::State)
        .column_as(contacts::COLUMN.id.count(), "count")
        .filter(contacts::COLUMN.campaign_id.eq(campaign_id))
        .filter(campaigns::is_live(Expr::val(campaign_id)))
        .group_by(contacts::Column::State)
        .into_tuple::<(ContactState, i64)>()
        .all(tx)
        .await?;
    let mut counts = StateCounts::default();
    for (state, count) in rows {
        let field = match state {
            ContactState::Pending => &mut counts.pending,
            ContactState::InProgress => &mut counts.in_progress,
            ContactState::Completed => &mut counts.completed,
            ContactState::Refused => &mut counts.refused,
            ContactState::NotReached => &mut counts.not_reached,
            ContactState::Excluded => &mut counts.excluded,
        };
        *field = u64::try_from(count).unwrap_or_default();
    }
    Ok(counts)
}

/// Inserts a contact. The exclusion list is not checked here, but by [`claim_due`].
///
/// # Errors
/// [`Error::Constraint`]: the campaign belongs to another organization, the phone number is not E.164, or a text is too
/// long. [`Error::Deleted`]: the campaign or the organization.
///
/// # Deleted rows
/// - `campaigns`, `organizations`: refused
pub async fn create(tx: &CustomerTx, contact: NewContact) -> Result<contacts::Model, Error> {
    let tx = &tx.query("contacts.create");
    let NewContact {
        campaign_id,
        external_contact_id,
        phone_number,
        email,
        preferred_language,
        has_prior_consent,
        do_not_call,
    } = contact;
    let state = if do_not_call { ContactState::Excluded } else { ContactState::Pending };
    let row = contacts::ActiveModel {
        id: NotSet,
        organization_id: Set(tx.organization()),
        campaign_id: Set(campaign_id),
        external_contact_id: Set(external_contact_id),
        phone_number: Set(phone_number),
        email: Set(email),
        preferred_language: Set(preferred_language),
        has_prior_consent: Set(has_prior_consent),
        do_not_call: Set(do_not_call),
        state: Set(state),
        attempts_count: Set(0),
        last_attempt_at: Set(None),
        last_outcome: Set(None),
        created_at: NotSet,
        updated_at: NotSet,
    };
    parent::insert(tx, row, &[Parent::Campaign(campaign_id), Parent::Organization(tx.organization())]).await
}

/// Inserts any number of contacts into a campaign, and returns the rejected ones: their position in the lists, from 1,
/// and the reason. A contact that is marked do-not-call or on the exclusion list is inserted as excluded. For an unknown
/// campaign nothing is inserted or returned.
///
/// All lists have the same length, one element for each contact. An empty string is stored as null.
///
/// # Errors
/// [`Error::Deleted`]: the campaign or its organization.
///
/// # Deleted rows
/// - `campaigns`, `organizations`: refused
pub async fn create_many(tx: &Tx<impl Scope>, contacts: CreateMany) -> Result<Vec<CreateManyRow>, Error> {
    let tx = &tx.postgres("contacts.create_many")?;
    let campaign_id = contacts.campaign_id;
    parent::require_live(tx, &[Parent::Campaign(campaign_id), Parent::OrganizationOf(campaign_id)]).await?;
    generated::create_many(tx, contacts).await
}

/// Claims at most `batch` contacts that are due, oldest first: inserts a call attempt for each, sets its state to in
/// progress, and returns what the call needs. Returns an empty list if no contact is due, or if the organization has no
/// provider configuration.
///
/// A contact is due if its state is pending or not reached, it has an attempt left, the retry interval has passed since
/// its last attempt, and it is neither marked do-not-call nor on the exclusion list. If more than `batch` are due for
/// another call, those are considered whose last call is the longest ago. No contact is due unless the campaign
/// is running, its organization is not deleted, and `local_time` is within the call window, start inclusive and end
/// exclusive. The calls under way in the organization, those with neither an outcome nor an end, never exceed
/// `max_concurrent_calls` of its newest provider configuration.
///
/// `local_time` returns the time of day where the campaign calls, which the database does not store. It is called once
/// the organization's lock is held, because the call window may end during the wait for the lock.
///
/// The lock is held until the transaction ends, and no other transaction claims for the organization until then: commit
/// before placing the calls.
///
/// # Errors
/// [`Error::IsolationLevel`] unless the transaction is READ COMMITTED, PostgreSQL's default: the count of the calls under
/// way must include those that the former holder of the lock committed.
///
/// # Deleted rows
/// - `campaigns`, `organizations`: hidden
pub async fn claim_due(
    tx: &CustomerTx,
    campaign_id: CampaignId,
    batch: i64,
    local_time: impl FnOnce() -> ChronoTime + Send,
) -> Result<Vec<ClaimedContact>, Error> {
    let lock = lock_calls(tx, campaign_id).await?;
    require_read_committed("contacts.claim_due", lock.isolation_level)?;
    let Some(max_concurrent_calls) = lock.max_concurrent_calls else { return Ok(Vec::new()) };
    let claim = ClaimDue { campaign_id, local_time: local_time(), max_concurrent_calls, batch };
    generated::claim_due(tx, claim).await
}
