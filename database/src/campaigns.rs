//! `campaigns`: the surveys of the customer's organization, and the states that they go through.
//!
//! ```text
//! draft ──▶ scheduled ──▶ running ◀──▶ paused
//!   │           │          │   │       │  │
//!   │           │          │   └─▶ completed
//!   └───────────┴──────────┴──▶ cancelled ◀┘
//! ```
//! A paused campaign may be completed as well; completed and cancelled are ends.

pub use crate::generated::campaigns::*;

use crate::page::{self, Cursor, Page};
use crate::{CustomerTx, Error, Scope, Tx, clock, row};
use entity::enums::{CampaignStatus, ContactState, LanguageCode, QuestionType};
use entity::id::{CampaignId, ContactId, EmailTemplateId};
use entity::organizations::{self, Entity as Organizations};
use entity::{campaigns, contacts};
use sea_orm::prelude::ChronoTime;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, NotSet, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select, Set,
};

/// A question of a survey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The text that the agent speaks.
    pub text: String,
    /// The kind of answer.
    pub r#type: QuestionType,
}

/// A campaign to insert, as a draft of the actor. `None` is the column's default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCampaign {
    /// The name that is shown.
    pub name: String,
    /// A text for the organization's own use.
    pub description: Option<String>,
    /// The language of the calls; `None`: English.
    pub language: Option<LanguageCode>,
    /// The text that the agent speaks before it asks for consent.
    pub intro_script: String,
    /// The three questions.
    pub questions: [Question; 3],
    /// Calls to one contact before it counts as not reached, 1 to 5; `None`: 3.
    pub max_attempts: Option<i64>,
    /// Minutes between two calls to one contact, at least 1; `None`: 60.
    pub retry_interval_minutes: Option<i64>,
    /// The first time of day at which a contact may be called; `None`: 09:00.
    pub allowed_call_start_local: Option<ChronoTime>,
    /// The end of that window, before which a call starts; `None`: 20:00.
    pub allowed_call_end_local: Option<ChronoTime>,
    /// The e-mail after a completed survey; `None`: none is sent.
    pub email_completed_template_id: Option<EmailTemplateId>,
    /// The e-mail after a refusal; `None`: none is sent.
    pub email_refused_template_id: Option<EmailTemplateId>,
    /// The e-mail after the last attempt without an answer; `None`: none is sent.
    pub email_not_reached_template_id: Option<EmailTemplateId>,
}

/// Changes of a campaign; `NotSet`, the default, leaves a column as it is. The status changes by
/// [`transition`].
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "each field is the column of that name, documented at the entity")]
pub struct CampaignChanges {
    pub name: ActiveValue<String>,
    pub description: ActiveValue<Option<String>>,
    pub language: ActiveValue<LanguageCode>,
    pub intro_script: ActiveValue<String>,
    pub question_1_text: ActiveValue<String>,
    pub question_2_text: ActiveValue<String>,
    pub question_3_text: ActiveValue<String>,
    pub question_1_type: ActiveValue<QuestionType>,
    pub question_2_type: ActiveValue<QuestionType>,
    pub question_3_type: ActiveValue<QuestionType>,
    pub max_attempts: ActiveValue<i64>,
    pub retry_interval_minutes: ActiveValue<i64>,
    pub allowed_call_start_local: ActiveValue<ChronoTime>,
    pub allowed_call_end_local: ActiveValue<ChronoTime>,
    pub email_completed_template_id: ActiveValue<Option<EmailTemplateId>>,
    pub email_refused_template_id: ActiveValue<Option<EmailTemplateId>>,
    pub email_not_reached_template_id: ActiveValue<Option<EmailTemplateId>>,
}

/// Why a campaign cannot start calling yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FieldError {
    /// The column, or `contacts`.
    pub field: &'static str,
    /// What it should be.
    pub message: &'static str,
}

/// The campaign of this id; `None` where there is none, it is another organization's, or it has been deleted.
pub async fn find(tx: &Tx<impl Scope>, id: CampaignId) -> Result<Option<campaigns::Model>, Error> {
    let tx = &tx.named("campaigns.find");
    Ok(campaigns::Entity::find_by_id(id).filter(live()).one(tx).await?)
}

/// The campaigns, newest first, without the deleted ones; a `None` status means any.
pub async fn list(
    tx: &CustomerTx,
    status: Option<CampaignStatus>,
    after: Option<Cursor<CampaignId>>,
    limit: u64,
) -> Result<Page<campaigns::Model, CampaignId>, Error> {
    let tx = &tx.named("campaigns.list");
    let key = (campaigns::Column::CreatedAt, campaigns::Column::Id);
    page::newest_first(tx, select(status), key, after, limit, |campaign| Cursor {
        created_at: campaign.created_at,
        id: campaign.id,
    })
    .await
}

/// How many campaigns all pages of [`list`] hold.
pub async fn count(tx: &CustomerTx, status: Option<CampaignStatus>) -> Result<u64, Error> {
    let tx = &tx.named("campaigns.count");
    Ok(select(status).count(tx).await?)
}

/// The running campaigns that may call at this local time of day, the oldest first: the window includes its
/// start and not its end, and the organization is not closed. An admin's transaction sees those of all organizations.
pub async fn list_callable(tx: &Tx<impl Scope>, local: ChronoTime) -> Result<Vec<campaigns::Model>, Error> {
    let tx = &tx.named("campaigns.list_callable");
    let open = Organizations::find()
        .select_only()
        .column(organizations::Column::Id)
        .filter(organizations::COLUMN.deleted_at.is_null())
        .into_query();
    Ok(select(Some(CampaignStatus::Running))
        .filter(campaigns::Column::OrganizationId.in_subquery(open))
        .filter(campaigns::COLUMN.allowed_call_start_local.lte(local))
        .filter(campaigns::COLUMN.allowed_call_end_local.gt(local))
        .order_by_asc(campaigns::Column::CreatedAt)
        .order_by_asc(campaigns::Column::Id)
        .all(tx)
        .await?)
}

/// Inserts a draft; its author is the actor's user.
///
/// # Errors
/// [`Error::Constraint`]: a text is too long, a number out of its range, or a template not the organization's;
/// [`Error::Forbidden`]: the actor's user does not exist.
pub async fn create(tx: &CustomerTx, campaign: NewCampaign) -> Result<campaigns::Model, Error> {
    let tx = &tx.named("campaigns.create");
    let NewCampaign {
        name,
        description,
        language,
        intro_script,
        questions: [first, second, third],
        max_attempts,
        retry_interval_minutes,
        allowed_call_start_local,
        allowed_call_end_local,
        email_completed_template_id,
        email_refused_template_id,
        email_not_reached_template_id,
    } = campaign;
    let actor = tx.actor();
    let row = campaigns::ActiveModel {
        id: NotSet,
        organization_id: Set(actor.organization),
        name: Set(name),
        description: Set(description),
        status: Set(CampaignStatus::Draft),
        language: language.map_or(NotSet, Set),
        intro_script: Set(intro_script),
        question_1_text: Set(first.text),
        question_2_text: Set(second.text),
        question_3_text: Set(third.text),
        question_1_type: Set(first.r#type),
        question_2_type: Set(second.r#type),
        question_3_type: Set(third.r#type),
        max_attempts: max_attempts.map_or(NotSet, Set),
        retry_interval_minutes: retry_interval_minutes.map_or(NotSet, Set),
        allowed_call_start_local: allowed_call_start_local.map_or(NotSet, Set),
        allowed_call_end_local: allowed_call_end_local.map_or(NotSet, Set),
        email_completed_template_id: Set(email_completed_template_id),
        email_refused_template_id: Set(email_refused_template_id),
        email_not_reached_template_id: Set(email_not_reached_template_id),
        created_by_user_id: Set(Some(actor.user)),
        deleted_at: NotSet,
        created_at: NotSet,
        updated_at: NotSet,
    };
    Ok(row.insert(tx).await?)
}

/// Changes a campaign, whatever its status.
///
/// # Errors
/// [`Error::NotFound`] as `None` of [`find`]; [`Error::Constraint`] as with [`create`], and `ck_campaigns_call_window`
/// where a campaign beyond its draft would get a window that ends before it starts.
pub async fn update(
    tx: &CustomerTx,
    id: CampaignId,
    changes: CampaignChanges,
) -> Result<campaigns::Model, Error> {
    let tx = &tx.named("campaigns.update");
    let CampaignChanges {
        name,
        description,
        language,
        intro_script,
        question_1_text,
        question_2_text,
        question_3_text,
        question_1_type,
        question_2_type,
        question_3_type,
        max_attempts,
        retry_interval_minutes,
        allowed_call_start_local,
        allowed_call_end_local,
        email_completed_template_id,
        email_refused_template_id,
        email_not_reached_template_id,
    } = changes;
    let changes = campaigns::ActiveModel {
        id: NotSet,
        organization_id: NotSet,
        name,
        description,
        status: NotSet,
        language,
        intro_script,
        question_1_text,
        question_2_text,
        question_3_text,
        question_1_type,
        question_2_type,
        question_3_type,
        max_attempts,
        retry_interval_minutes,
        allowed_call_start_local,
        allowed_call_end_local,
        email_completed_template_id,
        email_refused_template_id,
        email_not_reached_template_id,
        created_by_user_id: NotSet,
        deleted_at: NotSet,
        created_at: NotSet,
        updated_at: NotSet,
    };
    row::update(tx, changes, this(id), "campaign").await
}

/// Marks a campaign as deleted; its contacts, calls and answers stay.
///
/// # Errors
/// [`Error::NotFound`] as `None` of [`find`].
pub async fn delete(tx: &CustomerTx, id: CampaignId) -> Result<(), Error> {
    let tx = &tx.named("campaigns.delete");
    let update = campaigns::Entity::update_many()
        .col_expr(campaigns::Column::DeletedAt, clock::now(tx))
        .filter(this(id));
    row::mark(tx, update, "campaign").await
}

/// The states from which a campaign may come to `to`; empty: from none.
#[must_use]
pub const fn allowed_from(to: CampaignStatus) -> &'static [CampaignStatus] {
    use CampaignStatus::{Cancelled, Completed, Draft, Paused, Running, Scheduled};
    match to {
        Draft => &[],
        Scheduled => &[Draft],
        Running => &[Scheduled, Paused],
        Paused => &[Running],
        Completed => &[Running, Paused],
        Cancelled => &[Draft, Scheduled, Running, Paused],
    }
}

/// Takes a campaign to another status, if it is in one from which that is [allowed](allowed_from): the check and
/// the change are one statement, so of two that race only one succeeds.
///
/// [`activation_errors`] are not looked for.
///
/// # Errors
/// [`Error::Transition`] names both states; [`Error::NotFound`] as `None` of [`find`]; [`Error::Constraint`]
/// `ck_campaigns_call_window`; [`Error::Retry`]: its status changed meanwhile.
pub async fn transition(
    tx: &CustomerTx,
    id: CampaignId,
    to: CampaignStatus,
) -> Result<campaigns::Model, Error> {
    let tx = &tx.named("campaigns.transition");
    let from = allowed_from(to);
    let mut changed = campaigns::Entity::update_many()
        .set(campaigns::ActiveModel { status: Set(to), ..Default::default() })
        .filter(this(id))
        .filter(campaigns::COLUMN.status.is_in(from.iter().copied()))
        .exec_with_returning(tx)
        .await?;
    if let Some(campaign) = changed.pop() {
        return Ok(campaign);
    }
    let found = find(tx, id).await?.ok_or(Error::NotFound("campaign"))?;
    if from.contains(&found.status) {
        return Err(Error::Retry);
    }
    Err(Error::Transition { from: found.status, to })
}

/// Lists what keeps a campaign from calling: no contact that is pending, a question without a text, a number of attempts
/// out of range, a window that ends before it starts. Empty: nothing.
///
/// # Errors
/// [`Error::NotFound`] as `None` of [`find`].
pub async fn activation_errors(tx: &CustomerTx, id: CampaignId) -> Result<Vec<FieldError>, Error> {
    let tx = &tx.named("campaigns.activation_errors");
    let campaign = find(tx, id).await?.ok_or(Error::NotFound("campaign"))?;
    let pending = contacts::Entity::find()
        .select_only()
        .column(contacts::Column::Id)
        .filter(contacts::COLUMN.campaign_id.eq(id))
        .filter(contacts::COLUMN.state.eq(ContactState::Pending))
        .into_tuple::<ContactId>()
        .one(tx)
        .await?;
    let campaigns::Model {
        question_1_text,
        question_2_text,
        question_3_text,
        max_attempts,
        allowed_call_start_local: start,
        allowed_call_end_local: end,
        ..
    } = campaign;
    let asks = |text: String| !text.trim().is_empty();
    let rules = [
        ("contacts", pending.is_some(), "at least one contact is pending"),
        ("question_1_text", asks(question_1_text), "is not empty"),
        ("question_2_text", asks(question_2_text), "is not empty"),
        ("question_3_text", asks(question_3_text), "is not empty"),
        ("max_attempts", (1..=5).contains(&max_attempts), "is 1 to 5"),
        ("allowed_call_start_local", start < end, "is before allowed_call_end_local"),
    ];
    let broken = rules.into_iter().filter(|(_, kept, _)| !kept);
    Ok(broken.map(|(field, _, message)| FieldError { field, message }).collect())
}

fn select(status: Option<CampaignStatus>) -> Select<campaigns::Entity> {
    campaigns::Entity::find()
        .filter(live())
        .apply_if(status, |select, status| select.filter(campaigns::COLUMN.status.eq(status)))
}

fn this(id: CampaignId) -> Expr {
    campaigns::COLUMN.id.eq(id).and(live())
}

fn live() -> Expr {
    campaigns::COLUMN.deleted_at.is_null()
}
