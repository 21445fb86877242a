//! `campaigns`: the surveys, and the transitions of their status.
//!
//! ```text
//! draft ──▶ scheduled ──▶ running ◀──▶ paused
//!   │           │          │   │       │  │
//!   │           │          │   └─▶ completed
//!   └───────────┴──────────┴──▶ cancelled ◀┘
//! ```
//! A paused campaign can be completed as well. Completed and cancelled are final.

pub use crate::generated::campaigns::*;

use crate::page::{self, Cursor, Page};
use crate::parent::{self, Parent};
use crate::{CustomerTx, Error, Named, Scope, Tx, clock, row};
use entity::enums::{CampaignStatus, ContactState, LanguageCode, QuestionType};
use entity::id::{CampaignId, ContactId, EmailTemplateId};
use entity::organizations::{self, Entity as Organizations};
use entity::{campaigns, contacts, email_templates};
use sea_orm::prelude::ChronoTime;
use sea_orm::{
    ActiveValue, ColumnTrait, EntityTrait, NotSet, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select, Set,
};
use sea_query::{Expr, ExprTrait};

/// A question of a survey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The text that the agent speaks.
    pub text: String,
    /// The kind of answer.
    pub r#type: QuestionType,
}

/// A campaign to insert. `None` selects the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCampaign {
    /// The display name.
    pub name: String,
    /// A note for the members of the organization.
    pub description: Option<String>,
    /// The language of the calls; default: English.
    pub language: Option<LanguageCode>,
    /// The text that the agent speaks before it asks for consent.
    pub intro_script: String,
    /// The three questions.
    pub questions: [Question; 3],
    /// The maximum number of calls to one contact, 1 to 5; default: 3.
    pub max_attempts: Option<i64>,
    /// Minutes between two calls to one contact, at least 1; default: 60.
    pub retry_interval_minutes: Option<i64>,
    /// The start of the daily call window, inclusive; default: 09:00.
    pub allowed_call_start_local: Option<ChronoTime>,
    /// The end of the daily call window, exclusive; default: 20:00.
    pub allowed_call_end_local: Option<ChronoTime>,
    /// The template of the e-mail after a completed survey; `None`: no e-mail is sent.
    pub email_completed_template_id: Option<EmailTemplateId>,
    /// The template of the e-mail after a refusal; `None`: no e-mail is sent.
    pub email_refused_template_id: Option<EmailTemplateId>,
    /// The template of the e-mail after the last unanswered attempt; `None`: no e-mail is sent.
    pub email_not_reached_template_id: Option<EmailTemplateId>,
}

/// The columns to update; `NotSet`, the default, keeps a column. [`transition`] changes the status.
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

/// A reason why a campaign cannot start calling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FieldError {
    /// The column, or `contacts`.
    pub field: &'static str,
    /// The requirement that is not met.
    pub message: &'static str,
}

/// Returns the campaign.
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `organizations`: reads - an admin transaction reads every organization
pub async fn find(tx: &Tx<impl Scope>, id: CampaignId) -> Result<Option<campaigns::Model>, Error> {
    let tx = &tx.query("campaigns.find");
    Ok(campaigns::Entity::find_by_id(id).filter(live()).one(tx).await?)
}

/// Returns a page of the campaigns, newest first.
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `organizations`: bound
pub async fn list(
    tx: &CustomerTx,
    status: Option<CampaignStatus>,
    after: Option<Cursor<CampaignId>>,
    limit: u64,
) -> Result<Page<campaigns::Model, CampaignId>, Error> {
    let tx = &tx.query("campaigns.list");
    let key = (campaigns::Column::CreatedAt, campaigns::Column::Id);
    page::newest_first(tx, select(status), key, after, limit, |campaign| Cursor {
        created_at: campaign.created_at,
        id: campaign.id,
    })
    .await
}

/// Returns the number of campaigns on all pages of [`list`].
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `organizations`: bound
pub async fn count(tx: &CustomerTx, status: Option<CampaignStatus>) -> Result<u64, Error> {
    let tx = &tx.query("campaigns.count");
    Ok(select(status).count(tx).await?)
}

/// Returns the running campaigns that may call at this local time of day, oldest first: the call window contains `local`,
/// and the organization is not deleted.
///
/// # Deleted rows
/// - `campaigns`, `organizations`: hidden
pub async fn list_callable(tx: &Tx<impl Scope>, local: ChronoTime) -> Result<Vec<campaigns::Model>, Error> {
    let tx = &tx.query("campaigns.list_callable");
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

/// Inserts a draft. Its author is the acting user, if a user acts.
///
/// # Errors
/// [`Error::Constraint`]: a text is too long, a number is out of range, or a template belongs to another organization.
/// [`Error::Deleted`]: a template, the organization or the acting user is deleted.
/// [`Error::Forbidden`]: the actor's user does not exist.
///
/// # Deleted rows
/// - `email_templates`, `organizations`, `users`: refused
pub async fn create(tx: &CustomerTx, campaign: NewCampaign) -> Result<campaigns::Model, Error> {
    let tx = &tx.query("campaigns.create");
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
    let author = tx.actor().user();
    let templates = [email_completed_template_id, email_refused_template_id, email_not_reached_template_id];
    let parents = [Parent::Organization(tx.organization())]
        .into_iter()
        .chain(author.map(Parent::User))
        .chain(templates.into_iter().flatten().map(Parent::EmailTemplate));
    let parents: Vec<Parent> = parents.collect();
    let row = campaigns::ActiveModel {
        id: NotSet,
        organization_id: Set(tx.organization()),
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
        created_by_user_id: Set(author),
        deleted_at: NotSet,
        created_at: NotSet,
        updated_at: NotSet,
    };
    parent::insert(tx, row, &parents).await
}

/// Updates a campaign in any status.
///
/// # Errors
/// [`Error::Deleted`]: a template that `changes` sets is deleted. [`Error::Constraint`] as in [`create`], and
/// `ck_campaigns_call_window` if the call window of a scheduled, running or paused campaign would not start before it
/// ends.
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `email_templates`: refused - unless the campaign keeps it
/// - `organizations`: bound
/// - `users`: reads - a campaign outlives its author
pub async fn update(
    tx: &CustomerTx,
    id: CampaignId,
    changes: CampaignChanges,
) -> Result<campaigns::Model, Error> {
    let tx = &tx.query("campaigns.update");
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
    let templates =
        [&email_completed_template_id, &email_refused_template_id, &email_not_reached_template_id];
    let chosen: Vec<Parent> = templates
        .into_iter()
        .filter_map(|template| template.try_as_ref().copied().flatten())
        .map(Parent::EmailTemplate)
        .collect();
    if !chosen.is_empty() {
        parent::require_live(tx, &chosen).await?;
    }
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

/// Marks a campaign as deleted. Its contacts, calls and answers are kept.
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `email_templates`, `users`: reads - a campaign keeps its templates and its author
/// - `organizations`: bound
pub async fn delete(tx: &CustomerTx, id: CampaignId) -> Result<(), Error> {
    let tx = &tx.query("campaigns.delete");
    let update = campaigns::Entity::update_many()
        .col_expr(campaigns::Column::DeletedAt, clock::now(tx))
        .filter(this(id));
    row::mark(tx, update, "campaign").await
}

/// Returns the statuses from which a campaign can change to `to`.
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

/// Changes the status of a campaign, if [allowed](allowed_from) from its current status. The check and the update are one
/// statement, so only one of two concurrent transitions from the same status succeeds.
///
/// The requirements of [`activation_errors`] are not checked.
///
/// # Errors
/// [`Error::Transition`] with both statuses; [`Error::NotFound`]; [`Error::Constraint`] `ck_campaigns_call_window`;
/// [`Error::Retry`]: the status changed concurrently.
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `email_templates`: reads - `activation_errors` reports them
/// - `organizations`: bound
/// - `users`: reads - a campaign outlives its author
pub async fn transition(
    tx: &CustomerTx,
    id: CampaignId,
    to: CampaignStatus,
) -> Result<campaigns::Model, Error> {
    let tx = &tx.query("campaigns.transition");
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

/// Returns the reasons why a campaign cannot start calling: no pending contact, a question without a text, a number of
/// attempts out of range, a call window that does not start before it ends, or a template that is deleted. Empty: it can
/// start.
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `email_templates`: refused - by a `FieldError`
/// - `organizations`: bound
pub async fn activation_errors(tx: &CustomerTx, id: CampaignId) -> Result<Vec<FieldError>, Error> {
    let tx = &tx.query("campaigns.activation_errors");
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
        email_completed_template_id,
        email_refused_template_id,
        email_not_reached_template_id,
        ..
    } = campaign;
    let templates = [email_completed_template_id, email_refused_template_id, email_not_reached_template_id];
    let deleted = deleted_templates(tx, templates.into_iter().flatten()).await?;
    let is_live = |template: Option<EmailTemplateId>| template.is_none_or(|id| !deleted.contains(&id));
    let asks = |text: String| !text.trim().is_empty();
    let rules = [
        ("contacts", pending.is_some(), "at least one contact is pending"),
        ("question_1_text", asks(question_1_text), "is not empty"),
        ("question_2_text", asks(question_2_text), "is not empty"),
        ("question_3_text", asks(question_3_text), "is not empty"),
        ("max_attempts", (1..=5).contains(&max_attempts), "is 1 to 5"),
        ("allowed_call_start_local", start < end, "is before allowed_call_end_local"),
        ("email_completed_template_id", is_live(email_completed_template_id), "is not deleted"),
        ("email_refused_template_id", is_live(email_refused_template_id), "is not deleted"),
        ("email_not_reached_template_id", is_live(email_not_reached_template_id), "is not deleted"),
    ];
    let broken = rules.into_iter().filter(|(_, kept, _)| !kept);
    Ok(broken.map(|(field, _, message)| FieldError { field, message }).collect())
}

/// The condition of a query that the campaign with this id, a value or a column, exists and is not deleted.
pub(crate) fn is_live(id: Expr) -> Expr {
    Expr::exists(live_campaign(id).into_query())
}

/// The same of a column of a row, by its organization as well: so Citus joins them in an admin transaction.
pub(crate) fn is_live_in(organization: Expr, id: Expr) -> Expr {
    let campaign = live_campaign(id).filter(campaigns::Column::OrganizationId.into_expr().eq(organization));
    Expr::exists(campaign.into_query())
}

fn live_campaign(id: Expr) -> Select<campaigns::Entity> {
    campaigns::Entity::find()
        .select_only()
        .column(campaigns::Column::Id)
        .filter(campaigns::Column::Id.into_expr().eq(id))
        .filter(live())
}

/// Returns those of the templates that are deleted.
async fn deleted_templates(
    tx: &Named<'_, impl Scope>,
    ids: impl Iterator<Item = EmailTemplateId>,
) -> Result<Vec<EmailTemplateId>, Error> {
    let ids: Vec<EmailTemplateId> = ids.collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(email_templates::Entity::find()
        .select_only()
        .column(email_templates::Column::Id)
        .filter(email_templates::COLUMN.id.is_in(ids))
        .filter(email_templates::COLUMN.deleted_at.is_not_null())
        .into_tuple()
        .all(tx)
        .await?)
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
