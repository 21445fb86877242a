//! `email_templates`: subjects and bodies of the follow-up e-mails.

pub use crate::generated::email_templates::*;

use crate::parent::{self, Parent};
use crate::{CustomerTx, Error, Scope, Tx, clock, row};
use entity::email_templates;
use entity::enums::{EmailTemplateType, LanguageCode};
use entity::id::EmailTemplateId;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, NotSet, QueryFilter, QueryOrder, QueryTrait, Set};
use sea_query::{Expr, ExprTrait};

/// A template to insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEmailTemplate {
    /// The display name.
    pub name: String,
    /// The outcome of a survey that the e-mail follows.
    pub r#type: EmailTemplateType,
    /// The subject. Subject and bodies can contain variables such as `{{contact_name}}`.
    pub subject: String,
    /// The HTML body.
    pub body_html: String,
    /// The plain text body; `None`: the e-mail has only the HTML body.
    pub body_text: Option<String>,
    /// The language.
    pub locale: LanguageCode,
}

/// The columns to update; `NotSet`, the default, keeps a column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmailTemplateChanges {
    /// The display name.
    pub name: ActiveValue<String>,
    /// The outcome of a survey that the e-mail follows.
    pub r#type: ActiveValue<EmailTemplateType>,
    /// The subject.
    pub subject: ActiveValue<String>,
    /// The HTML body.
    pub body_html: ActiveValue<String>,
    /// The plain text body.
    pub body_text: ActiveValue<Option<String>>,
    /// The language.
    pub locale: ActiveValue<LanguageCode>,
}

/// Returns the template.
///
/// # Deleted rows
/// - `email_templates`: hidden
/// - `organizations`: reads - an admin transaction reads every organization
pub async fn find(tx: &Tx<impl Scope>, id: EmailTemplateId) -> Result<Option<email_templates::Model>, Error> {
    let tx = &tx.query("email_templates.find");
    Ok(email_templates::Entity::find_by_id(id).filter(live()).one(tx).await?)
}

/// Returns the templates of a type and a language, ordered by name.
///
/// # Deleted rows
/// - `email_templates`: hidden
/// - `organizations`: bound
pub async fn list_by_type(
    tx: &CustomerTx,
    r#type: Option<EmailTemplateType>,
    locale: Option<LanguageCode>,
) -> Result<Vec<email_templates::Model>, Error> {
    let tx = &tx.query("email_templates.list_by_type");
    Ok(email_templates::Entity::find()
        .filter(live())
        .apply_if(r#type, |select, r#type| select.filter(email_templates::COLUMN.r#type.eq(r#type)))
        .apply_if(locale, |select, locale| select.filter(email_templates::COLUMN.locale.eq(locale)))
        .order_by_asc(email_templates::Column::Name)
        .order_by_asc(email_templates::Column::Id)
        .all(tx)
        .await?)
}

/// Inserts a template.
///
/// # Errors
/// [`Error::Constraint`]: a text is too long. [`Error::Deleted`]: the organization.
///
/// # Deleted rows
/// - `organizations`: refused
pub async fn create(tx: &CustomerTx, template: NewEmailTemplate) -> Result<email_templates::Model, Error> {
    let tx = &tx.query("email_templates.create");
    let NewEmailTemplate { name, r#type, subject, body_html, body_text, locale } = template;
    let row = email_templates::ActiveModel {
        id: NotSet,
        organization_id: Set(tx.organization()),
        name: Set(name),
        r#type: Set(r#type),
        subject: Set(subject),
        body_html: Set(body_html),
        body_text: Set(body_text),
        locale: Set(locale),
        deleted_at: NotSet,
        created_at: NotSet,
        updated_at: NotSet,
    };
    parent::insert(tx, row, &[Parent::Organization(tx.organization())]).await
}

/// Updates a template.
///
/// # Errors
/// [`Error::Constraint`]: a text is too long.
///
/// # Deleted rows
/// - `email_templates`: hidden
/// - `organizations`: bound
pub async fn update(
    tx: &CustomerTx,
    id: EmailTemplateId,
    changes: EmailTemplateChanges,
) -> Result<email_templates::Model, Error> {
    let tx = &tx.query("email_templates.update");
    let EmailTemplateChanges { name, r#type, subject, body_html, body_text, locale } = changes;
    let changes = email_templates::ActiveModel {
        id: NotSet,
        organization_id: NotSet,
        name,
        r#type,
        subject,
        body_html,
        body_text,
        locale,
        deleted_at: NotSet,
        created_at: NotSet,
        updated_at: NotSet,
    };
    row::update(tx, changes, email_templates::COLUMN.id.eq(id).and(live()), "e-mail template").await
}

/// Marks a template as deleted. Campaigns and e-mails keep their reference to it.
///
/// # Deleted rows
/// - `email_templates`: hidden
/// - `organizations`: bound
pub async fn delete(tx: &CustomerTx, id: EmailTemplateId) -> Result<(), Error> {
    let tx = &tx.query("email_templates.delete");
    let update = email_templates::Entity::update_many()
        .col_expr(email_templates::Column::DeletedAt, clock::now(tx))
        .filter(email_templates::COLUMN.id.eq(id))
        .filter(live());
    row::mark(tx, update, "e-mail template").await
}

fn live() -> Expr {
    email_templates::COLUMN.deleted_at.is_null()
}
