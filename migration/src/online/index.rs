//! Indexes that are built beside readers and writers.

use crate::ddl::{execute, index_name, is_postgres, literal, quote};
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, Statement};

/// An index of a table with rows, named as `ddl.rs` names them.
///
/// Its migration has no transaction: `use_transaction` returns `Some(false)`.
#[derive(Clone, Debug)]
pub struct ConcurrentIndex {
    name: String,
    table: &'static str,
    columns: &'static [&'static str],
    condition: Option<&'static str>,
    is_unique: bool,
}

impl ConcurrentIndex {
    /// The index `ix_<table>_<columns without their _id, _at, _number>`.
    #[must_use]
    pub fn new(table: &'static str, columns: &'static [&'static str]) -> Self {
        Self { name: index_name(table, columns), table, columns, condition: None, is_unique: false }
    }

    /// The unique index `uq_<table>_<columns>`, for [`ConcurrentIndex::create_constraint`].
    #[must_use]
    pub fn unique(table: &'static str, columns: &'static [&'static str]) -> Self {
        let name = format!("uq_{table}_{}", columns.join("_"));
        Self { name, table, columns, condition: None, is_unique: true }
    }

    /// Limits the index to the rows that meet `condition`; its name ends in `suffix`.
    #[must_use]
    pub fn filtered(mut self, suffix: &str, condition: &'static str) -> Self {
        self.name = format!("{}_{suffix}", self.name);
        self.condition = Some(condition);
        self
    }

    /// Creates the index unless it exists. An invalid one of this name and table, which an earlier attempt left, is
    /// dropped first; a valid one stays as it is.
    ///
    /// # Errors
    /// A statement fails; a lock timeout or a duplicate value leaves an invalid index for the next attempt.
    pub async fn create(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let is_postgres = is_postgres(manager);
        if is_postgres && self.is_invalid(manager).await? {
            self.drop(manager).await?;
        }
        let create = if self.is_unique { "create unique index" } else { "create index" };
        let concurrently = if is_postgres { " concurrently" } else { "" };
        let columns: Vec<String> = self.columns.iter().map(|column| quote(column)).collect();
        let condition = self.condition.map(|condition| format!(" where {condition}")).unwrap_or_default();
        let sql = format!(
            "{create}{concurrently} if not exists {} on {} ({}){condition}",
            quote(&self.name),
            quote(self.table),
            columns.join(", ")
        );
        execute(manager, &sql).await
    }

    /// Drops the index if it exists.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn drop(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let concurrently = if is_postgres(manager) { " concurrently" } else { "" };
        execute(manager, &format!("drop index{concurrently} if exists {}", quote(&self.name))).await
    }

    /// Creates the unique index, and the constraint of the same name that owns it. On SQLite the index is the
    /// constraint.
    ///
    /// # Errors
    /// See [`ConcurrentIndex::create`].
    pub async fn create_constraint(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        self.create(manager).await?;
        if !is_postgres(manager) {
            return Ok(());
        }
        let (table, name) = (quote(self.table), quote(&self.name));
        let sql = format!(
            "do $$ begin\n\
                 if not exists (select from pg_constraint where conrelid = {}::regclass and conname = {}) then\n\
                     alter table {table} add constraint {name} unique using index {name};\n\
                 end if;\n\
             end $$",
            literal(&table),
            literal(&self.name)
        );
        execute(manager, &sql).await
    }

    /// Drops the constraint and its index, if they exist.
    ///
    /// # Errors
    /// A statement fails.
    pub async fn drop_constraint(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if is_postgres(manager) {
            let (table, name) = (quote(self.table), quote(&self.name));
            execute(manager, &format!("alter table {table} drop constraint if exists {name}")).await?;
        }
        self.drop(manager).await
    }

    /// Whether an earlier attempt left an index that writes maintain and queries do not use.
    async fn is_invalid(&self, manager: &SchemaManager<'_>) -> Result<bool, DbErr> {
        let sql = format!(
            "select true from pg_index where indexrelid = to_regclass({}) and indrelid = to_regclass({}) \
             and not indisvalid",
            literal(&quote(&self.name)),
            literal(&quote(self.table))
        );
        let found =
            manager.get_connection().query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
        Ok(found.is_some())
    }
}
