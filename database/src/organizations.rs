//! `organizations`: the tenants. A customer sees and changes its own.

use crate::{AdminTx, Error, Scope, Tx, clock, row};
use entity::id::{OrganizationId, UserId};
use entity::json::Preferences;
use entity::{organizations, user_organizations};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, JoinType, NotSet, QueryFilter, QueryOrder,
    QuerySelect, RelationTrait, Set,
};

/// An organization to insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrganization {
    /// The name that is shown.
    pub name: String,
    /// The name in addresses: lower case letters and digits in words joined by single hyphens.
    pub slug: String,
    /// Settings.
    pub metadata: Preferences,
}

/// What is to change in an organization; `NotSet`, the default, leaves a column as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OrganizationChanges {
    /// The name that is shown.
    pub name: ActiveValue<String>,
    /// Settings, replaced as a whole.
    pub metadata: ActiveValue<Preferences>,
}

/// The organization of this id; `None` where there is none, it is not the customer's, or it has been deleted.
pub async fn find(tx: &Tx<impl Scope>, id: OrganizationId) -> Result<Option<organizations::Model>, Error> {
    let tx = &tx.named("organizations.find");
    Ok(organizations::Entity::find_by_id(id).filter(live()).one(tx).await?)
}

/// The organization of this name in addresses; `None` as with [`find`].
pub async fn find_by_slug(tx: &Tx<impl Scope>, slug: &str) -> Result<Option<organizations::Model>, Error> {
    let tx = &tx.named("organizations.find_by_slug");
    Ok(organizations::Entity::find_by_slug(slug).filter(live()).one(tx).await?)
}

/// The organizations that a user is a member of, by name, without the deleted ones: what there is to choose from
/// after signing in, before a tenant is bound.
pub async fn list_by_user(tx: &AdminTx, user_id: UserId) -> Result<Vec<organizations::Model>, Error> {
    let tx = &tx.named("organizations.list_by_user");
    Ok(organizations::Entity::find()
        .join(JoinType::InnerJoin, organizations::Relation::UserOrganizations.def())
        .filter(user_organizations::COLUMN.user_id.eq(user_id))
        .filter(live())
        .order_by_asc(organizations::Column::Name)
        .order_by_asc(organizations::Column::Id)
        .all(tx)
        .await?)
}

/// Inserts an organization, without members.
///
/// # Errors
/// [`Error::Constraint`]: the slug is taken, also by a deleted organization, or has another form.
pub async fn create(tx: &AdminTx, organization: NewOrganization) -> Result<organizations::Model, Error> {
    let tx = &tx.named("organizations.create");
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

/// Changes an organization.
///
/// # Errors
/// [`Error::NotFound`]: there is none, it is not the customer's, or it has been deleted.
pub async fn update(
    tx: &Tx<impl Scope>,
    id: OrganizationId,
    changes: OrganizationChanges,
) -> Result<organizations::Model, Error> {
    let tx = &tx.named("organizations.update");
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

/// Marks an organization as deleted; its rows stay.
///
/// # Errors
/// [`Error::NotFound`]: there is none, or it has been deleted before.
pub async fn delete(tx: &AdminTx, id: OrganizationId) -> Result<(), Error> {
    let tx = &tx.named("organizations.delete");
    let update = organizations::Entity::update_many()
        .col_expr(organizations::Column::DeletedAt, clock::now(tx))
        .filter(organizations::COLUMN.id.eq(id))
        .filter(live());
    row::mark(tx, update, "organization").await
}

fn live() -> Expr {
    organizations::COLUMN.deleted_at.is_null()
}
