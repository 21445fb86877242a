//! `exclusion_list_entries`: the phone numbers that an organization never calls.

pub use crate::generated::exclusion_list_entries::*;

use crate::generated::exclusion_list_entries as generated;
use crate::page::{self, Cursor, Page};
use crate::parent::{self, Parent};
use crate::{CustomerTx, Error, contacts, row};
use entity::enums::ExclusionSource;
use entity::exclusion_list_entries;
use entity::id::ExclusionListEntryId;
use sea_orm::{ColumnTrait, EntityTrait, NotSet, QueryFilter, Set};
use sea_query::OnConflict;

/// An entry to insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewExclusionListEntry {
    /// The phone number in E.164 form: `+` and 2 to 15 digits.
    pub phone_number: String,
    /// A note on why it is excluded.
    pub reason: Option<String>,
    /// How it was added.
    pub source: ExclusionSource,
}

/// The counts that [`import`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Import {
    /// The numbers that were inserted.
    pub imported: i64,
    /// The numbers that were on the list already.
    pub known: i64,
    /// The texts that are not E.164 numbers.
    pub malformed: i64,
    /// The contacts whose state was set to excluded.
    pub excluded_contacts: u64,
}

/// Returns the entry of a phone number; `None`: the number may be called.
///
/// # Deleted rows
/// - `organizations`: bound
pub async fn find_by_phone_number(
    tx: &CustomerTx,
    phone_number: &str,
) -> Result<Option<exclusion_list_entries::Model>, Error> {
    let tx = &tx.query("exclusion_list_entries.find_by_phone_number");
    let key = (tx.organization(), phone_number.to_owned());
    let entry = exclusion_list_entries::Entity::find_by_organization_id_phone_number(key);
    Ok(entry.one(tx).await?)
}

/// Returns a page of the entries, newest first.
///
/// # Deleted rows
/// - `organizations`: bound
pub async fn list(
    tx: &CustomerTx,
    after: Option<Cursor<ExclusionListEntryId>>,
    limit: u64,
) -> Result<Page<exclusion_list_entries::Model, ExclusionListEntryId>, Error> {
    let tx = &tx.query("exclusion_list_entries.list");
    let key = (exclusion_list_entries::Column::CreatedAt, exclusion_list_entries::Column::Id);
    page::newest_first(tx, exclusion_list_entries::Entity::find(), key, after, limit, |entry| Cursor {
        created_at: entry.created_at,
        id: entry.id,
    })
    .await
}

/// Inserts the entry of a phone number unless it exists, and returns it. An existing entry keeps its reason and source.
///
/// # Errors
/// [`Error::Constraint`]: the number is not E.164. [`Error::Deleted`]: the organization. [`Error::Retry`]: the entry was
/// inserted and deleted concurrently.
///
/// # Deleted rows
/// - `organizations`: refused
pub async fn add(
    tx: &CustomerTx,
    entry: NewExclusionListEntry,
) -> Result<exclusion_list_entries::Model, Error> {
    let tx = &tx.query("exclusion_list_entries.add");
    let NewExclusionListEntry { phone_number, reason, source } = entry;
    parent::require_live(tx, &[Parent::Organization(tx.organization())]).await?;
    let row = exclusion_list_entries::ActiveModel {
        id: Set(ExclusionListEntryId::generate()),
        organization_id: Set(tx.organization()),
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

/// Deletes an entry; its phone number may be called again.
///
/// # Deleted rows
/// - `organizations`: bound
pub async fn remove(tx: &CustomerTx, id: ExclusionListEntryId) -> Result<(), Error> {
    let tx = &tx.query("exclusion_list_entries.remove");
    let done = exclusion_list_entries::Entity::delete_many()
        .filter(exclusion_list_entries::COLUMN.id.eq(id))
        .exec(tx)
        .await?;
    if done.rows_affected == 0 { Err(Error::NotFound("exclusion list entry")) } else { Ok(()) }
}

/// Inserts any number of phone numbers, and sets the state of contacts with one of them that would still be called to
/// excluded. An existing entry keeps its reason and source. Texts that are not E.164 numbers are skipped and counted.
///
/// `phone_numbers` may be in any order and contain duplicates; `reason` and `source` apply to all of them.
///
/// # Errors
/// [`Error::Deleted`]: the organization.
///
/// # Deleted rows
/// - `campaigns`: reads - as `contacts::sweep_excluded`
/// - `organizations`: refused
pub async fn import(
    tx: &CustomerTx,
    phone_numbers: Vec<String>,
    reason: Option<String>,
    source: ExclusionSource,
) -> Result<Import, Error> {
    let organization = Parent::Organization(tx.organization());
    parent::require_live(&tx.query("exclusion_list_entries.import"), &[organization]).await?;
    let organization_id = tx.organization();
    let numbers = phone_numbers.clone();
    let import = generated::Import { phone_numbers, organization_id, reason, source };
    let ImportRow { imported, known, malformed } = generated::import(tx, import).await?;
    let excluded_contacts = contacts::exclude_numbers(tx, numbers, organization_id).await?;
    Ok(Import { imported, known, malformed, excluded_contacts })
}
