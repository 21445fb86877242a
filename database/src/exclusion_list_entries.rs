//! `exclusion_list_entries`: the numbers that the customer's organization never calls.

use crate::page::{self, Cursor, Page};
use crate::{CustomerTx, Error, row};
use entity::enums::ExclusionSource;
use entity::exclusion_list_entries;
use entity::id::ExclusionListEntryId;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, NotSet, QueryFilter, Set};

/// A number to be excluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewExclusionListEntry {
    /// E.164: `+` and 2 to 15 digits.
    pub phone_number: String,
    /// Why; for people.
    pub reason: Option<String>,
    /// How it came here.
    pub source: ExclusionSource,
}

/// The entry of this number; `None`: it may be called.
///
/// # Errors
/// The database fails.
pub async fn find(
    tx: &CustomerTx,
    phone_number: &str,
) -> Result<Option<exclusion_list_entries::Model>, Error> {
    let key = (tx.tenant().organization, phone_number.to_owned());
    let entry = exclusion_list_entries::Entity::find_by_organization_id_phone_number(key);
    Ok(entry.one(tx).await?)
}

/// The entries, newest first.
///
/// # Errors
/// The database fails.
pub async fn list(
    tx: &CustomerTx,
    after: Option<Cursor<ExclusionListEntryId>>,
    limit: u64,
) -> Result<Page<exclusion_list_entries::Model, ExclusionListEntryId>, Error> {
    let key = (exclusion_list_entries::Column::CreatedAt, exclusion_list_entries::Column::Id);
    page::newest_first(tx, exclusion_list_entries::Entity::find(), key, after, limit, |entry| Cursor {
        created_at: entry.created_at,
        id: entry.id,
    })
    .await
}

/// The entry of a number, made if it is not there; one that is stays as it is, with its first reason.
///
/// # Errors
/// [`Error::Constraint`]: the number is not E.164; [`Error::Retry`]: it was added and removed meanwhile.
pub async fn add(
    tx: &CustomerTx,
    entry: NewExclusionListEntry,
) -> Result<exclusion_list_entries::Model, Error> {
    let NewExclusionListEntry { phone_number, reason, source } = entry;
    let row = exclusion_list_entries::ActiveModel {
        id: Set(ExclusionListEntryId::generate()),
        organization_id: Set(tx.tenant().organization),
        phone_number: Set(phone_number.clone()),
        reason: Set(reason),
        source: Set(source),
        created_at: NotSet,
        updated_at: NotSet,
    };
    let key = [exclusion_list_entries::Column::OrganizationId, exclusion_list_entries::Column::PhoneNumber];
    match row::insert_if_absent(tx, row, OnConflict::columns(key)).await? {
        Some(entry) => Ok(entry),
        None => find(tx, &phone_number).await?.ok_or(Error::Retry),
    }
}

/// Removes an entry, after which its number may be called again.
///
/// # Errors
/// [`Error::NotFound`]: there is none, or it is another organization's.
pub async fn remove(tx: &CustomerTx, id: ExclusionListEntryId) -> Result<(), Error> {
    let done = exclusion_list_entries::Entity::delete_many()
        .filter(exclusion_list_entries::COLUMN.id.eq(id))
        .exec(tx)
        .await?;
    if done.rows_affected == 0 { Err(Error::NotFound("exclusion list entry")) } else { Ok(()) }
}
