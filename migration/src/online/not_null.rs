//! `not null` of a column that has rows.

use super::check::{add_not_valid, drop_constraint, invalidate, validate};
use super::sqlite;
use crate::ddl::{execute, is_postgres, quote};
use sea_orm_migration::prelude::*;

/// A column that becomes `not null` in four migrations: check, backfill, validation, `not null`.
///
/// Without a valid check, `set not null` reads the whole table under ACCESS EXCLUSIVE. On SQLite only the last step
/// does something.
#[derive(Clone, Copy, Debug)]
pub struct NotNull {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The column's type in SQLite's definition of the table: `text`.
    pub sqlite_type: &'static str,
}

impl NotNull {
    fn name(&self) -> String {
        format!("ck_{}_{}_present", self.table, self.column)
    }

    fn definition(&self) -> String {
        format!("check ({} is not null)", quote(self.column))
    }

    /// Step 1: requires the value in rows that are written from now on. No row is read.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn add_check(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return Ok(());
        }
        add_not_valid(manager, self.table, &self.name(), &self.definition()).await
    }

    /// The `down` of [`NotNull::add_check`].
    ///
    /// # Errors
    /// The statement fails.
    pub async fn drop_check(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return Ok(());
        }
        drop_constraint(manager, self.table, &self.name()).await
    }

    /// Step 3, after the backfill: reads the table once beside readers and writers.
    ///
    /// # Errors
    /// A row has a null.
    pub async fn validate(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return Ok(());
        }
        validate(manager, self.table, &self.name()).await
    }

    /// The `down` of [`NotNull::validate`].
    ///
    /// # Errors
    /// The statement fails.
    pub async fn invalidate(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return Ok(());
        }
        invalidate(manager, self.table, &self.name(), &self.definition()).await
    }

    /// Step 4: sets `not null`, for which no row is read, and drops the check.
    ///
    /// The first statement does nothing to a valid check. If it is not valid, it reads the table under the weaker lock,
    /// before `set not null` would do so under the stronger one; and squawk requires it in the same migration.
    ///
    /// # Errors
    /// A row has a null.
    pub async fn set(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return sqlite::redefine(manager, self.table, &self.sqlite(" NULL"), &self.sqlite(" NOT NULL"))
                .await;
        }
        let (table, column, name) = (quote(self.table), quote(self.column), quote(&self.name()));
        let sql = format!(
            "do $$ begin alter table {table} validate constraint {name}; \
             exception when undefined_object then null; end $$;\n\
             alter table {table} alter column {column} set not null;\n\
             alter table {table} drop constraint if exists {name}"
        );
        execute(manager, &sql).await
    }

    /// The `down` of [`NotNull::set`]: the valid check, for which the table is read once, in place of `not null`.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn unset(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return sqlite::redefine(manager, self.table, &self.sqlite(" NOT NULL"), &self.sqlite(" NULL"))
                .await;
        }
        let (table, column, name) = (quote(self.table), quote(self.column), quote(&self.name()));
        let sql = format!(
            "do $$ begin alter table {table} add constraint {name} {}; \
             exception when duplicate_object then null; end $$;\n\
             alter table {table} alter column {column} drop not null",
            self.definition()
        );
        execute(manager, &sql).await
    }

    /// The column in SQLite's definition of the table.
    fn sqlite(&self, nullability: &str) -> String {
        format!("{} {}{nullability}", quote(self.column), self.sqlite_type)
    }
}
