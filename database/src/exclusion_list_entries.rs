//! `exclusion_list_entries`: the numbers that the customer's organization never calls.

pub use crate::generated::exclusion_list_entries::*;

use crate::generated::exclusion_list_entries as generated;
use crate::page::{self, Cursor, Page};
use crate::{CustomerTx, Error, contacts, row};
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

/// The result of [`import`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Import {
    /// The numbers that were added.
    pub imported: i64,
    /// The numbers that were listed already.
    pub known: i64,
    /// The texts that are not E.164 numbers.
    pub malformed: i64,
    /// The contacts that were marked as excluded.
    pub excluded_contacts: u64,
}

/// The entry of this number; `None`: it may be called.
pub async fn find_by_phone_number(
    tx: &CustomerTx,
    phone_number: &str,
) -> Result<Option<exclusion_list_entries::Model>, Error> {
    let tx = &tx.named("exclusion_list_entries.find_by_phone_number");
    let key = (tx.actor().organization, phone_number.to_owned());
    let entry = exclusion_list_entries::Entity::find_by_organization_id_phone_number(key);
    Ok(entry.one(tx).await?)
}

/// The entries, newest first.
pub async fn list(
    tx: &CustomerTx,
    after: Option<Cursor<ExclusionListEntryId>>,
    limit: u64,
) -> Result<Page<exclusion_list_entries::Model, ExclusionListEntryId>, Error> {
    let tx = &tx.named("exclusion_list_entries.list");
    let key = (exclusion_list_entries::Column::CreatedAt, exclusion_list_entries::Column::Id);
    page::newest_first(tx, exclusion_list_entries::Entity::find(), key, after, limit, |entry| Cursor {
        created_at: entry.created_at,
        id: entry.id,
    })
    .await
}

/// Returns the entry of a number, inserted unless it exists; an existing one keeps its reason.
///
/// # Errors
/// [`Error::Constraint`]: the number is not E.164; [`Error::Retry`]: it was added and removed meanwhile.
pub async fn add(
    tx: &CustomerTx,
    entry: NewExclusionListEntry,
) -> Result<exclusion_list_entries::Model, Error> {
    let tx = &tx.named("exclusion_list_entries.add");
    let NewExclusionListEntry { phone_number, reason, source } = entry;
    let row = exclusion_list_entries::ActiveModel {
        id: Set(ExclusionListEntryId::generate()),
        organization_id: Set(tx.actor().organization),
        phone_number: Set(phone_number.clone()),
        reason: Set(reason),
        source: Set(source),
        created_at: NotSet,
        updated_at: NotSet,
    };
    let key = [exclusion_list_entries::Column::OrganizationId, exclusion_list_entries::Column::PhoneNumber];
    match row::insert_if_absent(tx, row, OnConflict::columns(key)).await? {
        Some(entry) => Ok(entry),
        None => find_by_phone_number(tx, &phone_number).await?.ok_or(Error::Retry),
    }
}

/// Removes an entry, after which its number may be called again.
///
/// # Errors
/// [`Error::NotFound`]: there is none, or it is another organization's.
pub async fn remove(tx: &CustomerTx, id: ExclusionListEntryId) -> Result<(), Error> {
    let tx = &tx.named("exclusion_list_entries.remove");
    let done = exclusion_list_entries::Entity::delete_many()
        .filter(exclusion_list_entries::COLUMN.id.eq(id))
        .exec(tx)
        .await?;
    if done.rows_affected == 0 { Err(Error::NotFound("exclusion list entry")) } else { Ok(()) }
}

/// Puts numbers on the exclusion list, any number of them, and marks the contacts that would still be called as
/// excluded, in one call. Numbers that are listed already keep their reason; what is not an E.164 number is left out
/// and counted.
///
/// `reason` and `source` are those of all numbers, which may be in any order and repeated.
pub async fn import(
    tx: &CustomerTx,
    phone_numbers: Vec<String>,
    reason: Option<String>,
    source: ExclusionSource,
) -> Result<Import, Error> {
    let import =
        generated::Import { organization_id: tx.actor().organization, phone_numbers, reason, source };
    let ImportRow { imported, known, malformed } = generated::import(tx, import).await?;
    let excluded_contacts = contacts::sweep_excluded(tx).await?;
    Ok(Import { imported, known, malformed, excluded_contacts })
}
