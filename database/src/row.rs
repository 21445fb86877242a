//! The change of one row that must be there, and the making of one that may be.

use crate::{Error, Tx};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, QueryFilter, UpdateMany};

/// Makes a row; `None`: another one stands in its way at `conflict`.
///
/// `TryInsert::exec_with_returning` would say so by an error that means something else.
pub(crate) async fn insert_if_absent<A: ActiveModelTrait>(
    tx: &Tx<impl Send + Sync>,
    row: A,
    mut conflict: OnConflict,
) -> Result<Option<<A::Entity as EntityTrait>::Model>, Error>
where
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
{
    let insert = A::Entity::insert(row).on_conflict(conflict.do_nothing().to_owned());
    Ok(insert.exec_with_returning_many(tx).await?.pop())
}

/// Writes what is set in `changes` into the row that `condition` names, and returns it; where nothing is set it
/// only reads. `name` is what is not found.
pub(crate) async fn update<A: ActiveModelTrait>(
    tx: &Tx<impl Send + Sync>,
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

/// Runs an update that must meet a row; `name` is what is not found.
pub(crate) async fn mark<E: EntityTrait>(
    tx: &Tx<impl Send + Sync>,
    update: UpdateMany<E>,
    name: &'static str,
) -> Result<(), Error> {
    if update.exec(tx).await?.rows_affected == 0 { Err(Error::NotFound(name)) } else { Ok(()) }
}
