//! `email_notifications`: the follow-up e-mails, at most one for an event and a template.

pub use crate::generated::email_notifications::*;

use crate::parent::{self, Parent};
use crate::transaction::require_read_committed;
use crate::{CustomerTx, Error, Scope, Tx, campaigns, row};
use entity::email_notifications;
use entity::enums::EmailStatus;
use entity::id::{EmailNotificationId, EmailTemplateId, EventId};
use sea_orm::{ColumnTrait, EntityTrait, NotSet, QueryFilter, QueryOrder, QuerySelect, Set};

/// An e-mail to insert. Campaign and contact are those of the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEmailNotification {
    /// The event that the e-mail follows.
    pub event_id: EventId,
    /// The template of its subject and bodies.
    pub template_id: EmailTemplateId,
    /// The recipient's address.
    pub to_email: String,
}

/// Returns the e-mail.
///
/// # Deleted rows
/// - `campaigns`, `email_templates`, `organizations`: reads - the outcome of an e-mail under way is recorded
pub async fn find(
    tx: &Tx<impl Scope>,
    id: EmailNotificationId,
) -> Result<Option<email_notifications::Model>, Error> {
    let tx = &tx.query("email_notifications.find");
    Ok(email_notifications::Entity::find_by_id(id).one(tx).await?)
}

/// Returns the e-mails for an event, oldest first.
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `email_templates`: reads - an e-mail keeps its template
/// - `organizations`: bound
pub async fn list_by_event(
    tx: &CustomerTx,
    event_id: EventId,
) -> Result<Vec<email_notifications::Model>, Error> {
    let tx = &tx.query("email_notifications.list_by_event");
    Ok(email_notifications::Entity::find()
        .filter(email_notifications::COLUMN.event_id.eq(event_id))
        .filter(campaigns::is_live(email_notifications::Column::CampaignId.into_expr()))
        .order_by_asc(email_notifications::Column::CreatedAt)
        .order_by_asc(email_notifications::Column::Id)
        .all(tx)
        .await?)
}

/// Inserts the e-mail of an event and a template. `None`: it exists already, in any status; only the caller that receives
/// `Some` sends it.
///
/// # Errors
/// [`Error::NotFound`]: the event. [`Error::Constraint`]: the template belongs to another organization, or the address is
/// too long. [`Error::Deleted`]: the campaign, the template or the organization. [`Error::IsolationLevel`] unless the
/// transaction is READ COMMITTED, PostgreSQL's default: the check must include e-mails that a concurrent call committed.
///
/// # Deleted rows
/// - `campaigns`, `email_templates`, `organizations`: refused
pub async fn create_once(
    tx: &CustomerTx,
    email: NewEmailNotification,
) -> Result<Option<email_notifications::Model>, Error> {
    let tx = &tx.query("email_notifications.create_once");
    let NewEmailNotification { event_id, template_id, to_email } = email;
    // No constraint of this schema allows only one e-mail for an event and a template, so the event's row is the lock:
    // a concurrent transaction waits here for the commit of the first one, and then sees its e-mail.
    let event = lock_event(tx, event_id).await?.ok_or(Error::NotFound("event"))?;
    require_read_committed("email_notifications.create_once", event.isolation_level)?;
    let existing = email_notifications::Entity::find()
        .select_only()
        .column(email_notifications::Column::Id)
        .filter(email_notifications::COLUMN.event_id.eq(event_id))
        .filter(email_notifications::COLUMN.template_id.eq(template_id))
        .into_tuple::<EmailNotificationId>()
        .one(tx)
        .await?;
    if existing.is_some() {
        return Ok(None);
    }
    let parents = [
        Parent::Campaign(event.campaign_id),
        Parent::EmailTemplate(template_id),
        Parent::Organization(tx.organization()),
    ];
    let row = email_notifications::ActiveModel {
        id: NotSet,
        organization_id: Set(tx.organization()),
        event_id: Set(event_id),
        contact_id: Set(event.contact_id),
        campaign_id: Set(event.campaign_id),
        template_id: Set(template_id),
        to_email: Set(to_email),
        status: Set(EmailStatus::Pending),
        provider_message_id: Set(None),
        error_message: Set(None),
        created_at: NotSet,
        updated_at: NotSet,
    };
    Ok(Some(parent::insert(tx, row, &parents).await?))
}

/// Sets the status to sent, with the provider's id of the message.
///
/// # Deleted rows
/// - `campaigns`, `email_templates`: reads - the outcome of an e-mail under way is recorded
/// - `organizations`: bound
pub async fn mark_sent(
    tx: &CustomerTx,
    id: EmailNotificationId,
    provider_message_id: String,
) -> Result<email_notifications::Model, Error> {
    let tx = &tx.query("email_notifications.mark_sent");
    let changes = email_notifications::ActiveModel {
        status: Set(EmailStatus::Sent),
        provider_message_id: Set(Some(provider_message_id)),
        error_message: Set(None),
        ..Default::default()
    };
    row::update(tx, changes, email_notifications::COLUMN.id.eq(id), "e-mail notification").await
}

/// Sets the status to failed, with the reason.
///
/// # Deleted rows
/// - `campaigns`, `email_templates`: reads - the outcome of an e-mail under way is recorded
/// - `organizations`: bound
pub async fn mark_failed(
    tx: &CustomerTx,
    id: EmailNotificationId,
    error_message: String,
) -> Result<email_notifications::Model, Error> {
    let tx = &tx.query("email_notifications.mark_failed");
    let changes = email_notifications::ActiveModel {
        status: Set(EmailStatus::Failed),
        error_message: Set(Some(error_message)),
        ..Default::default()
    };
    row::update(tx, changes, email_notifications::COLUMN.id.eq(id), "e-mail notification").await
}
