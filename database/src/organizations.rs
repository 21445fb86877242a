//! `organizations`: the tenants. A customer transaction sees and updates its own organization only.

pub use crate::generated::organizations::*;

use crate::generated::organizations as generated;
use crate::{AdminTx, Error, Scope, Tx, clock, row};
use entity::id::{OrganizationId, UserId};
use entity::json::Preferences;
use entity::{organizations, user_organizations, users};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, JoinType, NotSet, QueryFilter, QueryOrder,
    QuerySelect, RelationTrait, Set,
};
use sea_query::{Expr, ExprTrait};

/// An organization to insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrganization {
    /// The display name.
    pub name: String,
    /// The name in URLs: lower case letters and digits, in words separated by single hyphens.
    pub slug: String,
    /// Preferences of the organization.
    pub metadata: Preferences,
}

/// The columns to update; `NotSet`, the default, keeps a column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OrganizationChanges {
    /// The display name.
    pub name: ActiveValue<String>,
    /// Preferences of the organization, replaced as a whole.
    pub metadata: ActiveValue<Preferences>,
}

/// Returns the organization.
///
/// # Deleted rows
/// - `organizations`: hidden
pub async fn find(tx: &Tx<impl Scope>, id: OrganizationId) -> Result<Option<organizations::Model>, Error> {
    let tx = &tx.query("organizations.find");
    Ok(organizations::Entity::find_by_id(id).filter(live()).one(tx).await?)
}

/// Returns the organization with this slug.
///
/// # Deleted rows
/// - `organizations`: hidden
pub async fn find_by_slug(tx: &Tx<impl Scope>, slug: &str) -> Result<Option<organizations::Model>, Error> {
    let tx = &tx.query("organizations.find_by_slug");
    Ok(organizations::Entity::find_by_slug(slug).filter(live()).one(tx).await?)
}

/// Returns the organizations that a user is a member of, ordered by name: the choice after signing in, before a customer
/// transaction can begin.
///
/// # Deleted rows
/// - `organizations`, `users`: hidden
pub async fn list_by_user(tx: &AdminTx, user_id: UserId) -> Result<Vec<organizations::Model>, Error> {
    let tx = &tx.query("organizations.list_by_user");
    Ok(organizations::Entity::find()
        .join(JoinType::InnerJoin, organizations::Relation::UserOrganizations.def())
        .join(JoinType::InnerJoin, user_organizations::Relation::Users.def())
        .filter(users::COLUMN.id.eq(user_id))
        .filter(users::COLUMN.deleted_at.is_null())
        .filter(live())
        .order_by_asc(organizations::Column::Name)
        .order_by_asc(organizations::Column::Id)
        .all(tx)
        .await?)
}

/// Inserts an organization, without members.
///
/// # Errors
/// [`Error::Constraint`]: the slug is malformed, or another organization has it, which may be marked as deleted.
///
/// # Deleted rows
/// - `organizations`: reserved
pub async fn create(tx: &AdminTx, organization: NewOrganization) -> Result<organizations::Model, Error> {
    let tx = &tx.query("organizations.create");
    let NewOrganization { name, slug, metadata } = organization;
    let row = organizations::ActiveModel {
        id: NotSet,
        name: Set(name),
        slug: Set(slug),
        metadata: Set(metadata),
        deleted_at: NotSet,
        created_at: NotSet,
        updated_at: NotSet,
    };
    Ok(row.insert(tx).await?)
}

/// Updates an organization.
///
/// # Deleted rows
/// - `organizations`: hidden
pub async fn update(
    tx: &Tx<impl Scope>,
    id: OrganizationId,
    changes: OrganizationChanges,
) -> Result<organizations::Model, Error> {
    let tx = &tx.query("organizations.update");
    let OrganizationChanges { name, metadata } = changes;
    let changes = organizations::ActiveModel {
        id: NotSet,
        name,
        slug: NotSet,
        metadata,
        deleted_at: NotSet,
        created_at: NotSet,
        updated_at: NotSet,
    };
    row::update(tx, changes, organizations::COLUMN.id.eq(id).and(live()), "organization").await
}

/// Lists the kinds of rows that retention has to look at, a table or `recordings`, by organization where it works on one at a
/// time. It reads a few rows of each, however many there are. So a listed kind may have none, and its rows may have to be
/// kept: events with an e-mail, recordings beside a deleted campaign. What belongs to another kind is not listed.
///
/// - `deleted_days`: Days after which a row that is marked as deleted is removed.
/// - `email_days`: Days after which an e-mail that was sent, or failed, is removed.
/// - `event_days`: Days after which a published event is removed.
///
/// # Deleted rows
/// - `campaigns`, `email_templates`, `organizations`, `users`: reads - retention covers them
pub async fn list_past_retention(
    tx: &AdminTx,
    deleted_days: i64,
    email_days: i64,
    event_days: i64,
) -> Result<Vec<PastRetention>, Error> {
    let mut kinds = generated::list_past_retention(tx, deleted_days, email_days, event_days).await?;
    // Those of other shards are the same.
    kinds.sort_by(|one, other| (one.organization_id, &one.kind).cmp(&(other.organization_id, &other.kind)));
    kinds.dedup();
    Ok(kinds)
}

/// Marks an organization as deleted. Its rows are kept.
///
/// # Deleted rows
/// - `organizations`: hidden
pub async fn delete(tx: &AdminTx, id: OrganizationId) -> Result<(), Error> {
    let tx = &tx.query("organizations.delete");
    let update = organizations::Entity::update_many()
        .col_expr(organizations::Column::DeletedAt, clock::now(tx))
        .filter(organizations::COLUMN.id.eq(id))
        .filter(live());
    row::mark(tx, update, "organization").await
}

fn live() -> Expr {
    organizations::COLUMN.deleted_at.is_null()
}
