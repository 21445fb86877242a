//! `user_organizations`: memberships of users in organizations. A customer transaction reads those of its organization,
//! and writes none.

use crate::parent::{self, Parent};
use crate::{AdminTx, Error, Scope, Tx};
use entity::id::{OrganizationId, UserId, UserOrganizationId};
use entity::user_organizations;
use sea_orm::{ColumnTrait, EntityTrait, NotSet, QueryFilter, QueryOrder, Set, TryInsertResult};
use sea_query::OnConflict;

/// Inserts a membership unless it exists. Returns whether it was inserted.
///
/// # Errors
/// [`Error::Constraint`]: the user or the organization does not exist. [`Error::Deleted`]: one of them is deleted.
///
/// # Deleted rows
/// - `organizations`, `users`: refused
pub async fn add(tx: &AdminTx, user_id: UserId, organization_id: OrganizationId) -> Result<bool, Error> {
    let tx = &tx.query("user_organizations.add");
    parent::require_live(tx, &[Parent::Organization(organization_id), Parent::User(user_id)]).await?;
    let row = user_organizations::ActiveModel {
        id: Set(UserOrganizationId::generate()),
        user_id: Set(user_id),
        organization_id: Set(organization_id),
        created_at: NotSet,
        updated_at: NotSet,
    };
    let key = [user_organizations::Column::UserId, user_organizations::Column::OrganizationId];
    let inserted = user_organizations::Entity::insert(row)
        .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
        .try_insert()
        .exec_without_returning(tx)
        .await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(1)))
}

/// Deletes a membership.
///
/// # Errors
/// [`Error::NotFound`]: the user is not a member.
///
/// # Deleted rows
/// - `organizations`, `users`: reads - a membership can be removed at any time
pub async fn remove(tx: &AdminTx, user_id: UserId, organization_id: OrganizationId) -> Result<(), Error> {
    let tx = &tx.query("user_organizations.remove");
    let done = user_organizations::Entity::delete_many()
        .filter(user_organizations::COLUMN.user_id.eq(user_id))
        .filter(user_organizations::COLUMN.organization_id.eq(organization_id))
        .exec(tx)
        .await?;
    if done.rows_affected == 0 { Err(Error::NotFound("membership")) } else { Ok(()) }
}

/// Returns the memberships of an organization, oldest first, including those of users who are marked as deleted.
/// [`crate::users::list_by_organization`] returns the users.
///
/// # Deleted rows
/// - `organizations`, `users`: reads - an administrator reviews the memberships that are kept
pub async fn list_by_organization(
    tx: &Tx<impl Scope>,
    organization_id: OrganizationId,
) -> Result<Vec<user_organizations::Model>, Error> {
    let tx = &tx.query("user_organizations.list_by_organization");
    Ok(user_organizations::Entity::find()
        .filter(user_organizations::COLUMN.organization_id.eq(organization_id))
        .order_by_asc(user_organizations::Column::CreatedAt)
        .order_by_asc(user_organizations::Column::Id)
        .all(tx)
        .await?)
}
