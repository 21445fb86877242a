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

/// Sets a column `not null` on PostgreSQL, each step in a transaction of its own.
///
/// # Errors
/// The migration has a transaction, a row has a null, or a statement fails.
pub(super) async fn require(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: &'static str,
) -> Result<(), DbErr> {
    if !matches!(manager.get_connection(), SchemaManagerConnection::Connection(_)) {
        return Err(DbErr::Migration(format!(
            "{table}.{column} is set not null in a transaction, which would read the table under ACCESS EXCLUSIVE; let \
             `use_transaction` of its migration return `Some(false)`"
        )));
    }
    // SQLite's type is not used.
    let step = NotNull { table, column, sqlite_type: "" };
    step.add_check(manager).await?;
    step.validate(manager).await?;
    step.set(manager).await
}

/// The reverse of [`require`]. No row is read.
///
/// # Errors
/// A statement fails.
pub(super) async fn unset(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: &'static str,
) -> Result<(), DbErr> {
    let drop = format!("alter table {} alter column {} drop not null", quote(table), quote(column));
    execute(manager, &drop).await?;
    // What an interrupted `require` left.
    NotNull { table, column, sqlite_type: "" }.drop_check(manager).await
}
