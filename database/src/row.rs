//! Statements on exactly one row.

use crate::{Error, Named, Scope};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, QueryFilter, UpdateMany};
use sea_query::{Expr, OnConflict};

/// Inserts a row and returns it; `None`: a row with the same `conflict` columns exists.
///
/// `TryInsert::exec_with_returning` is not used, because it reports a conflict as `DbErr::RecordNotFound`, which has other
/// causes as well.
pub(crate) async fn insert_if_absent<A: ActiveModelTrait>(
    tx: &Named<'_, impl Scope>,
    row: A,
    mut conflict: OnConflict,
) -> Result<Option<<A::Entity as EntityTrait>::Model>, Error>
where
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
{
    let insert = A::Entity::insert(row).on_conflict(conflict.do_nothing().to_owned());
    Ok(insert.exec_with_returning_many(tx).await?.pop())
}

/// Updates the row that `condition` selects and returns it; if `changes` sets no column, only reads it. `name` is the
/// entity in [`Error::NotFound`].
pub(crate) async fn update<A: ActiveModelTrait>(
    tx: &Named<'_, impl Scope>,
    changes: A,
    condition: Expr,
    name: &'static str,
) -> Result<<A::Entity as EntityTrait>::Model, Error> {
    let row = if changes.is_changed() {
        let update = A::Entity::update_many().set(changes).filter(condition);
        update.exec_with_returning(tx).await?.pop()
    } else {
        A::Entity::find().filter(condition).one(tx).await?
    };
    row.ok_or(Error::NotFound(name))
}

/// Runs an update that must affect a row; `name` is the entity in [`Error::NotFound`].
pub(crate) async fn mark<E: EntityTrait>(
    tx: &Named<'_, impl Scope>,
    update: UpdateMany<E>,
    name: &'static str,
) -> Result<(), Error> {
    if update.exec(tx).await?.rows_affected == 0 { Err(Error::NotFound(name)) } else { Ok(()) }
}
