//! `users`: who signs in. A customer sees itself and the members of its organization, and changes only itself.

use crate::page::{self, Cursor, Page};
use crate::{Admin, AdminTx, Error, Named, Scope, Tx, clock, constraint, row};
use entity::enums::UserRole;
use entity::id::{OrganizationId, UserId};
use entity::json::Preferences;
use entity::{user_organizations, users};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, JoinType, NotSet, QueryFilter, QuerySelect, RelationTrait,
    Set,
};

/// A user to insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// The identity provider's `sub` claim.
    pub oidc_sub: String,
    /// The e-mail address; no two users share one.
    pub email: String,
    /// The name that is shown.
    pub name: String,
    /// What the user may do.
    pub role: UserRole,
    /// Settings.
    pub metadata: Preferences,
}

/// The identity provider's claims about the user who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The `sub` claim.
    pub oidc_sub: String,
    /// The e-mail address.
    pub email: String,
    /// The name that is shown.
    pub name: String,
}

/// The user of this id; `None` where there is none, it is not visible, or it has been deleted.
pub async fn find(tx: &Tx<impl Scope>, id: UserId) -> Result<Option<users::Model>, Error> {
    let tx = &tx.named("users.find");
    Ok(users::Entity::find_by_id(id).filter(live()).one(tx).await?)
}

/// Returns the user with this `oidc_sub`; `None` as with [`find`].
pub async fn find_by_oidc_sub(tx: &Tx<impl Scope>, oidc_sub: &str) -> Result<Option<users::Model>, Error> {
    let tx = &tx.named("users.find_by_oidc_sub");
    Ok(users::Entity::find_by_oidc_sub(oidc_sub).filter(live()).one(tx).await?)
}

/// The user of this e-mail address, letter for letter; `None` as with [`find`].
pub async fn find_by_email(tx: &Tx<impl Scope>, email: &str) -> Result<Option<users::Model>, Error> {
    let tx = &tx.named("users.find_by_email");
    Ok(users::Entity::find_by_email(email).filter(live()).one(tx).await?)
}

/// The members of an organization, newest first, without the deleted ones; empty where the organization is not
/// the customer's.
pub async fn list_by_organization(
    tx: &Tx<impl Scope>,
    organization_id: OrganizationId,
    after: Option<Cursor<UserId>>,
    limit: u64,
) -> Result<Page<users::Model, UserId>, Error> {
    let tx = &tx.named("users.list_by_organization");
    let members = users::Entity::find()
        .join(JoinType::InnerJoin, users::Relation::UserOrganizations.def())
        .filter(user_organizations::COLUMN.organization_id.eq(organization_id))
        .filter(live());
    let key = (users::Column::CreatedAt, users::Column::Id);
    page::newest_first(tx, members, key, after, limit, |user| Cursor {
        created_at: user.created_at,
        id: user.id,
    })
    .await
}

/// Inserts a user, who is not yet a member of any organization.
///
/// # Errors
/// [`Error::Constraint`]: the subject or e-mail address is taken, also by a deleted user.
pub async fn create(tx: &AdminTx, user: NewUser) -> Result<users::Model, Error> {
    let tx = &tx.named("users.create");
    Ok(active(user).insert(tx).await?)
}

/// Returns the user who signs in, inserted on the first login; afterwards its address and name follow the claims, its role
/// and metadata stay. `None`: the user has been deleted, and signing in does not undo that.
///
/// # Errors
/// [`Error::Constraint`]: the e-mail address is another user's.
pub async fn sign_in(tx: &AdminTx, claims: Claims) -> Result<Option<users::Model>, Error> {
    let tx = &tx.named("users.sign_in");
    if let Some(user) = known(tx, &claims).await? {
        return follow(tx, user, claims).await;
    }
    // Without a conflict target: with `(oidc_sub)` a login that races another of the same person can still fail
    // on the unique e-mail address, because only the named constraint waits for the other's commit.
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

/// Replaces a user's metadata as a whole. A customer may change only its own.
///
/// # Errors
/// [`Error::NotFound`]: no such user that this transaction may change.
pub async fn update_metadata(
    tx: &Tx<impl Scope>,
    id: UserId,
    metadata: Preferences,
) -> Result<users::Model, Error> {
    let tx = &tx.named("users.update_metadata");
    let changes = users::ActiveModel { metadata: Set(metadata), ..Default::default() };
    row::update(tx, changes, users::COLUMN.id.eq(id).and(live()), "user").await
}

/// Marks a user as deleted: it is no longer found or listed, and cannot sign in. A customer may delete only itself.
///
/// # Errors
/// [`Error::NotFound`]: no such user that this transaction may change.
pub async fn delete(tx: &Tx<impl Scope>, id: UserId) -> Result<(), Error> {
    let tx = &tx.named("users.delete");
    let update = users::Entity::update_many()
        .col_expr(users::Column::DeletedAt, clock::now(tx))
        .filter(users::COLUMN.id.eq(id))
        .filter(live());
    row::mark(tx, update, "user").await
}

fn live() -> Expr {
    users::COLUMN.deleted_at.is_null()
}

/// The person's row, also a deleted one.
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
