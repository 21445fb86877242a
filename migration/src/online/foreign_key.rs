//! Foreign keys of tables with rows.

use super::check::{add_not_valid, drop_constraint, invalidate, validate};
use super::sqlite;
use crate::ddl::{is_postgres, quote};
use sea_orm_migration::prelude::*;

/// The key `fk_<table>_<column>_<referenced table>` of a table with rows, added by one transaction and validated by a
/// later one. The index that the deletion of a parent needs is a [`super::ConcurrentIndex`] between them.
///
/// SQLite has the key from the first one on, for new rows.
#[derive(Clone, Debug)]
pub struct ForeignKey {
    table: &'static str,
    column: &'static str,
    referenced: &'static str,
    on_delete: &'static str,
    is_own: bool,
}

impl ForeignKey {
    /// A key to a table outside the tenant; `on_delete` is `cascade`, `set null` or `restrict`.
    #[must_use]
    pub const fn new(
        table: &'static str,
        column: &'static str,
        referenced: &'static str,
        on_delete: &'static str,
    ) -> Self {
        Self { table, column, referenced, on_delete, is_own: false }
    }

    /// A key to a row of the same organization: `(organization_id, column)` to `(organization_id, id)`.
    ///
    /// `set null` sets only `column`, and is the single column on SQLite, which has no list of columns there.
    #[must_use]
    pub const fn own(
        table: &'static str,
        column: &'static str,
        referenced: &'static str,
        on_delete: &'static str,
    ) -> Self {
        Self { is_own: true, ..Self::new(table, column, referenced, on_delete) }
    }

    fn name(&self) -> String {
        format!("fk_{}_{}_{}", self.table, self.column, self.referenced)
    }

    fn definition(&self, is_postgres: bool) -> String {
        let (column, referenced) = (quote(self.column), quote(self.referenced));
        let sets_null = self.on_delete == "set null";
        let (from, to) = if self.is_own && (is_postgres || !sets_null) {
            (format!("\"organization_id\", {column}"), "\"organization_id\", \"id\"")
        } else {
            (column.clone(), "\"id\"")
        };
        let columns =
            if self.is_own && is_postgres && sets_null { format!(" ({column})") } else { String::new() };
        let on_delete = self.on_delete;
        format!("foreign key ({from}) references {referenced} ({to}) on delete {on_delete}{columns}")
    }

    /// Adds the key for rows that are written from now on, unless it exists. No row is read; writers of both tables
    /// wait only for the change of the catalogue.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn add(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if is_postgres(manager) {
            add_not_valid(manager, self.table, &self.name(), &self.definition(true)).await
        } else {
            sqlite::add_constraint(manager, self.table, &self.name(), &self.definition(false)).await
        }
    }

    /// Drops the key if it exists.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn drop(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if is_postgres(manager) {
            drop_constraint(manager, self.table, &self.name()).await
        } else {
            sqlite::drop_constraint(manager, self.table, &self.name(), &self.definition(false)).await
        }
    }

    /// Checks the rows that were written before. Readers and writers of both tables continue.
    ///
    /// # Errors
    /// A row refers to no row.
    pub async fn validate(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return Ok(());
        }
        validate(manager, self.table, &self.name()).await
    }

    /// Makes the key `not valid` again, the `down` of [`ForeignKey::validate`].
    ///
    /// # Errors
    /// The statement fails.
    pub async fn invalidate(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return Ok(());
        }
        invalidate(manager, self.table, &self.name(), &self.definition(true)).await
    }
}
