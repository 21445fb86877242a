//! Checks of tables with rows.

use super::sqlite;
use crate::ddl::{execute, is_postgres, quote};
use sea_orm_migration::prelude::*;

/// The check `ck_<table>_<rule>` of a table with rows, added by one migration and validated by a later one.
///
/// SQLite has it from the first one on, for new rows.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The table.
    pub table: &'static str,
    /// The rest of its name: the rule.
    pub rule: &'static str,
    /// The condition of a row.
    pub condition: &'static str,
}

impl Check {
    fn name(&self) -> String {
        format!("ck_{}_{}", self.table, self.rule)
    }

    fn definition(&self) -> String {
        format!("check ({})", self.condition)
    }

    /// Adds the check for rows that are written from now on, unless it exists. No row is read.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn add(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if is_postgres(manager) {
            add_not_valid(manager, self.table, &self.name(), &self.definition()).await
        } else {
            sqlite::add_constraint(manager, self.table, &self.name(), &self.definition()).await
        }
    }

    /// Drops the check if it exists.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn drop(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if is_postgres(manager) {
            drop_constraint(manager, self.table, &self.name()).await
        } else {
            sqlite::drop_constraint(manager, self.table, &self.name(), &self.definition()).await
        }
    }

    /// Checks the rows that were written before. Readers and writers continue.
    ///
    /// # Errors
    /// A row violates the check.
    pub async fn validate(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return Ok(());
        }
        validate(manager, self.table, &self.name()).await
    }

    /// Makes the check `not valid` again, the `down` of [`Check::validate`].
    ///
    /// # Errors
    /// The statement fails.
    pub async fn invalidate(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return Ok(());
        }
        invalidate(manager, self.table, &self.name(), &self.definition()).await
    }
}

/// Adds a constraint that is not valid, unless it exists.
pub(super) async fn add_not_valid(
    manager: &SchemaManager<'_>,
    table: &str,
    name: &str,
    definition: &str,
) -> Result<(), DbErr> {
    let (table, name) = (quote(table), quote(name));
    let sql = format!(
        "do $$ begin alter table {table} add constraint {name} {definition} not valid; \
         exception when duplicate_object then null; end $$"
    );
    execute(manager, &sql).await
}

/// Drops a constraint if it exists.
pub(super) async fn drop_constraint(
    manager: &SchemaManager<'_>,
    table: &str,
    name: &str,
) -> Result<(), DbErr> {
    execute(manager, &format!("alter table {} drop constraint if exists {}", quote(table), quote(name))).await
}

/// Validates a constraint; nothing is read if it is valid.
pub(super) async fn validate(manager: &SchemaManager<'_>, table: &str, name: &str) -> Result<(), DbErr> {
    execute(manager, &format!("alter table {} validate constraint {}", quote(table), quote(name))).await
}

/// Replaces a constraint by one that is not valid: a valid one cannot become it.
pub(super) async fn invalidate(
    manager: &SchemaManager<'_>,
    table: &str,
    name: &str,
    definition: &str,
) -> Result<(), DbErr> {
    let (table, name) = (quote(table), quote(name));
    let sql = format!(
        "alter table {table} drop constraint if exists {name}, add constraint {name} {definition} not valid"
    );
    execute(manager, &sql).await
}
