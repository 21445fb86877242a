//! `users`: the people who sign in. A customer transaction sees the actor's user and the members of its organization, and
//! updates the metadata of the actor's user only.

pub use crate::generated::users::*;

use crate::page::{self, Cursor, Page};
use crate::{Admin, AdminTx, Error, Named, Scope, Tx, clock, constraint, row};
use entity::enums::UserRole;
use entity::id::{OrganizationId, UserId};
use entity::json::Preferences;
use entity::{organizations, user_organizations, users};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, JoinType, NotSet, QueryFilter, QuerySelect, RelationTrait,
    Set,
};
use sea_query::{Expr, ExprTrait, OnConflict};

/// A user to insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// The identity provider's `sub` claim.
    pub oidc_sub: String,
    /// The e-mail address, unique.
    pub email: String,
    /// The display name.
    pub name: String,
    /// The user's role.
    pub role: UserRole,
    /// Preferences of the user.
    pub metadata: Preferences,
}

/// The identity provider's claims about a user who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The `sub` claim.
    pub oidc_sub: String,
    /// The e-mail address.
    pub email: String,
    /// The display name.
    pub name: String,
}

/// Returns the user.
///
/// # Deleted rows
/// - `users`: hidden
pub async fn find(tx: &Tx<impl Scope>, id: UserId) -> Result<Option<users::Model>, Error> {
    let tx = &tx.query("users.find");
    Ok(users::Entity::find_by_id(id).filter(live()).one(tx).await?)
}

/// Returns the user with this `sub` claim.
///
/// # Deleted rows
/// - `users`: hidden
pub async fn find_by_oidc_sub(tx: &Tx<impl Scope>, oidc_sub: &str) -> Result<Option<users::Model>, Error> {
    let tx = &tx.query("users.find_by_oidc_sub");
    Ok(users::Entity::find_by_oidc_sub(oidc_sub).filter(live()).one(tx).await?)
}

/// Returns the user with this e-mail address, compared case-sensitively.
///
/// # Deleted rows
/// - `users`: hidden
pub async fn find_by_email(tx: &Tx<impl Scope>, email: &str) -> Result<Option<users::Model>, Error> {
    let tx = &tx.query("users.find_by_email");
    Ok(users::Entity::find_by_email(email).filter(live()).one(tx).await?)
}

/// Returns a page of an organization's members, newest first.
///
/// # Deleted rows
/// - `organizations`, `users`: hidden
pub async fn list_by_organization(
    tx: &Tx<impl Scope>,
    organization_id: OrganizationId,
    after: Option<Cursor<UserId>>,
    limit: u64,
) -> Result<Page<users::Model, UserId>, Error> {
    let tx = &tx.query("users.list_by_organization");
    let members = users::Entity::find()
        .join(JoinType::InnerJoin, users::Relation::UserOrganizations.def())
        .join(JoinType::InnerJoin, user_organizations::Relation::Organizations.def())
        .filter(organizations::COLUMN.id.eq(organization_id))
        .filter(organizations::COLUMN.deleted_at.is_null())
        .filter(live());
    let key = (users::Column::CreatedAt, users::Column::Id);
    page::newest_first(tx, members, key, after, limit, |user| Cursor {
        created_at: user.created_at,
        id: user.id,
    })
    .await
}

/// Inserts a user, without a membership.
///
/// # Errors
/// [`Error::Constraint`]: another user has the `sub` claim or the e-mail address, which may be marked as deleted.
///
/// # Deleted rows
/// - `users`: reserved
pub async fn create(tx: &AdminTx, user: NewUser) -> Result<users::Model, Error> {
    let tx = &tx.query("users.create");
    Ok(active(user).insert(tx).await?)
}

/// Upserts the user who signs in: inserts it on the first login, and afterwards updates its e-mail address and name from
/// the claims. Role and metadata are kept. `None`: the user is marked as deleted, and stays so.
///
/// # Errors
/// [`Error::Constraint`]: another user has the e-mail address.
///
/// # Deleted rows
/// - `users`: hidden
pub async fn sign_in(tx: &AdminTx, claims: Claims) -> Result<Option<users::Model>, Error> {
    let tx = &tx.query("users.sign_in");
    if let Some(user) = known(tx, &claims).await? {
        return follow(tx, user, claims).await;
    }
    // No conflict target: with `(oidc_sub)`, one of two concurrent first logins of a user could still violate the unique
    // e-mail address, because only a conflict on the target's constraint waits for the other transaction's commit.
    let Claims { oidc_sub, email, name } = claims.clone();
    let metadata = Preferences::default();
    let mut new = active(NewUser { oidc_sub, email, name, role: UserRole::Viewer, metadata });
    new.id = Set(UserId::generate());
    if let Some(user) = row::insert_if_absent(tx, new, OnConflict::new()).await? {
        return Ok(Some(user));
    }
    match known(tx, &claims).await? {
        Some(user) => follow(tx, user, claims).await,
        None => Err(Error::Constraint(constraint::UQ_USERS_EMAIL.to_owned())),
    }
}

/// Replaces a user's metadata as a whole.
///
/// # Errors
/// [`Error::NotFound`], also for a user that a customer transaction sees but does not own: any but the actor's.
///
/// # Deleted rows
/// - `users`: hidden
pub async fn update_metadata(
    tx: &Tx<impl Scope>,
    id: UserId,
    metadata: Preferences,
) -> Result<users::Model, Error> {
    let tx = &tx.query("users.update_metadata");
    let changes = users::ActiveModel { metadata: Set(metadata), ..Default::default() };
    row::update(tx, changes, users::COLUMN.id.eq(id).and(live()), "user").await
}

/// Marks a user as deleted, in all its organizations: it is no longer found or listed, and cannot sign in.
///
/// # Deleted rows
/// - `users`: hidden
pub async fn delete(tx: &AdminTx, id: UserId) -> Result<(), Error> {
    let tx = &tx.query("users.delete");
    let update = users::Entity::update_many()
        .col_expr(users::Column::DeletedAt, clock::now(tx))
        .filter(users::COLUMN.id.eq(id))
        .filter(live());
    row::mark(tx, update, "user").await
}

fn live() -> Expr {
    users::COLUMN.deleted_at.is_null()
}

/// Returns the user, also if it is marked as deleted.
async fn known(tx: &Named<'_, Admin>, claims: &Claims) -> Result<Option<users::Model>, Error> {
    Ok(users::Entity::find_by_oidc_sub(claims.oidc_sub.as_str()).one(tx).await?)
}

async fn follow(
    tx: &Named<'_, Admin>,
    user: users::Model,
    claims: Claims,
) -> Result<Option<users::Model>, Error> {
    let Claims { oidc_sub: _, email, name } = claims;
    if user.deleted_at.is_some() {
        return Ok(None);
    }
    if user.email == email && user.name == name {
        return Ok(Some(user));
    }
    let changes = users::ActiveModel { email: Set(email), name: Set(name), ..Default::default() };
    row::update(tx, changes, users::COLUMN.id.eq(user.id), "user").await.map(Some)
}

fn active(user: NewUser) -> users::ActiveModel {
    let NewUser { oidc_sub, email, name, role, metadata } = user;
    users::ActiveModel {
        id: NotSet,
        oidc_sub: Set(oidc_sub),
        email: Set(email),
        name: Set(name),
        role: Set(role),
        metadata: Set(metadata),
        deleted_at: NotSet,
        created_at: NotSet,
        updated_at: NotSet,
    }
}
