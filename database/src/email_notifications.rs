//! `email_notifications`: the e-mails of the customer's organization, at most one for an event and a template.

use crate::generated::email_notifications as generated;
use crate::transaction::require_read_committed;
use crate::{CustomerTx, Error, Scope, Tx, row};
use entity::email_notifications;
use entity::enums::EmailStatus;
use entity::id::{EmailNotificationId, EmailTemplateId, EventId};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, NotSet, QueryFilter, QueryOrder, QuerySelect, Set,
};

/// An e-mail to be sent. Campaign and contact are the event's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEmailNotification {
    /// The event that it is sent for.
    pub event_id: EventId,
    /// Its wording.
    pub template_id: EmailTemplateId,
    /// Where it goes.
    pub to_email: String,
}

/// The e-mail of this id; `None` where there is none, or it is another organization's.
pub async fn find(
    tx: &Tx<impl Scope>,
    id: EmailNotificationId,
) -> Result<Option<email_notifications::Model>, Error> {
    let tx = &tx.named("email_notifications.find");
    Ok(email_notifications::Entity::find_by_id(id).one(tx).await?)
}

/// The e-mails for an event, oldest first; empty where the event is another organization's.
pub async fn list_by_event(
    tx: &CustomerTx,
    event_id: EventId,
) -> Result<Vec<email_notifications::Model>, Error> {
    let tx = &tx.named("email_notifications.list_by_event");
    Ok(email_notifications::Entity::find()
        .filter(email_notifications::COLUMN.event_id.eq(event_id))
        .order_by_asc(email_notifications::Column::CreatedAt)
        .order_by_asc(email_notifications::Column::Id)
        .all(tx)
        .await?)
}

/// Inserts the e-mail of an event and a template; `None`: it exists already, whatever its status, so that
/// only the caller that gets `Some` sends it.
///
/// # Errors
/// [`Error::NotFound`]: there is no such event, or it is another organization's; [`Error::Constraint`]: the
/// template is not the organization's, or the address too long; [`Error::IsolationLevel`] unless the transaction is
/// READ COMMITTED, PostgreSQL's default.
pub async fn create_once(
    tx: &CustomerTx,
    email: NewEmailNotification,
) -> Result<Option<email_notifications::Model>, Error> {
    let tx = &tx.named("email_notifications.create_once");
    let NewEmailNotification { event_id, template_id, to_email } = email;
    // No constraint of this schema allows only one e-mail for an event and a template, so the event's row is the lock:
    // a concurrent transaction waits here for the commit of the first one, and then sees its e-mail.
    let event = generated::lock_event(tx, event_id).await?.ok_or(Error::NotFound("event"))?;
    require_read_committed("email_notifications.create_once", event.isolation_level)?;
    let made = email_notifications::Entity::find()
        .select_only()
        .column(email_notifications::Column::Id)
        .filter(email_notifications::COLUMN.event_id.eq(event_id))
        .filter(email_notifications::COLUMN.template_id.eq(template_id))
        .into_tuple::<EmailNotificationId>()
        .one(tx)
        .await?;
    if made.is_some() {
        return Ok(None);
    }
    let row = email_notifications::ActiveModel {
        id: NotSet,
        organization_id: Set(tx.actor().organization),
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
    Ok(Some(row.insert(tx).await?))
}

/// Notes that the provider took an e-mail, under its own name for it.
///
/// # Errors
/// [`Error::NotFound`]: there is none, or it is another organization's.
pub async fn mark_sent(
    tx: &CustomerTx,
    id: EmailNotificationId,
    provider_message_id: String,
) -> Result<email_notifications::Model, Error> {
    let tx = &tx.named("email_notifications.mark_sent");
    let changes = email_notifications::ActiveModel {
        status: Set(EmailStatus::Sent),
        provider_message_id: Set(Some(provider_message_id)),
        error_message: Set(None),
        ..Default::default()
    };
    row::update(tx, changes, email_notifications::COLUMN.id.eq(id), "e-mail notification").await
}

/// Notes that an e-mail could not be sent, and why.
///
/// # Errors
/// [`Error::NotFound`]: there is none, or it is another organization's.
pub async fn mark_failed(
    tx: &CustomerTx,
    id: EmailNotificationId,
    error_message: String,
) -> Result<email_notifications::Model, Error> {
    let tx = &tx.named("email_notifications.mark_failed");
    let changes = email_notifications::ActiveModel {
        status: Set(EmailStatus::Failed),
        error_message: Set(Some(error_message)),
        ..Default::default()
    };
    row::update(tx, changes, email_notifications::COLUMN.id.eq(id), "e-mail notification").await
}
