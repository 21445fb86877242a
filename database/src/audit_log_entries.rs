//! `audit_log_entries`: who changed what. Triggers write the entries, and no role can change them.

use crate::page::{self, Cursor, Page};
use crate::{Error, Scope, Tx};
use entity::audit_log_entries;
use entity::id::AuditLogEntryId;
use sea_orm::EntityTrait;

/// Returns a page of the entries, newest first: in a customer transaction those of its organization. `SQLite` has none.
///
/// # Reads
/// - all: in an admin transaction; an index for it would slow down each audited change
///
/// # Deleted rows
/// - `organizations`: reads - entries outlive what they name
pub async fn list(
    tx: &Tx<impl Scope>,
    after: Option<Cursor<AuditLogEntryId>>,
    limit: u64,
) -> Result<Page<audit_log_entries::Model, AuditLogEntryId>, Error> {
    let tx = &tx.query("audit_log_entries.list");
    let key = (audit_log_entries::Column::CreatedAt, audit_log_entries::Column::Id);
    page::newest_first(tx, audit_log_entries::Entity::find(), key, after, limit, |entry| Cursor {
        created_at: entry.created_at,
        id: entry.id,
    })
    .await
}
