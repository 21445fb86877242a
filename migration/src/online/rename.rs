//! A new name for a column that code of two releases uses.

use super::backfill::Backfill;
use super::column::{add_column, drop_column, drop_column_sql, grant_update};
use super::copy_trigger::CopyTrigger;
use super::not_null::{require, unset};
use super::sqlite;
use crate::ddl::{execute, is_postgres, quote};
use sea_orm_migration::prelude::*;

/// A column that gets another name in three migrations: expand, backfill, contract. Between the first and the last, both
/// names hold one value. A column that is `not null` has a fourth one before the contract: [`Rename::require`].
#[derive(Clone, Debug)]
pub struct Rename {
    /// The table.
    pub table: &'static str,
    /// The old name.
    pub from: &'static str,
    /// The new name.
    pub to: &'static str,
    /// The column's type.
    pub column_type: ColumnType,
    /// Whether the column is `not null`. The new name may be null until [`Rename::require`].
    pub not_null: bool,
    /// Whether the customer may update the column.
    pub customer_updates: bool,
}

impl Rename {
    /// Adds the new name, and the trigger that copies a change of either one.
    ///
    /// # Errors
    /// A statement fails.
    pub async fn expand(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        self.add(manager, self.to).await?;
        self.trigger().create(manager).await
    }

    /// The `down` of [`Rename::expand`]: drops the new name; the old one has every value.
    ///
    /// # Errors
    /// A statement fails.
    pub async fn undo_expand(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        self.trigger().drop(manager).await?;
        drop_column(manager, self.table, self.to).await
    }

    /// The backfill of rows that were written before the trigger.
    #[must_use]
    pub fn backfill(&self) -> Backfill {
        self.fill(self.from, self.to)
    }

    /// The backfill of one name by the other one.
    fn fill(&self, from: &str, to: &str) -> Backfill {
        let [from, to] = [from, to].map(quote);
        // Qualified: SQLite takes a quoted name that is no column for a text.
        let table = quote(self.table);
        // Once both names agree there is nothing to fill, so that a second run changes no row.
        let pending = format!("{table}.{to} is null and {table}.{from} is not null");
        Backfill::new(self.table, &format!("{to} = {from}"), &pending)
    }

    /// Sets the new name `not null`, after the backfill, with the steps of [`NotNull`](super::NotNull): the trigger writes
    /// both names, so no row becomes null in between. Its migration has no transaction, because one step reads the table.
    ///
    /// On SQLite the rows are filled again, and the old name may be null from here on: no trigger writes it there.
    ///
    /// # Errors
    /// A row has a null, or a statement fails.
    pub async fn require(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if is_postgres(manager) {
            return require(manager, self.table, self.to).await;
        }
        self.backfill().run(manager).await?;
        self.redefine(manager, self.from, self.to).await
    }

    /// The `down` of [`Rename::require`].
    ///
    /// # Errors
    /// A statement fails.
    pub async fn undo_require(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if is_postgres(manager) {
            return unset(manager, self.table, self.to).await;
        }
        self.fill(self.to, self.from).run(manager).await?;
        self.redefine(manager, self.to, self.from).await
    }

    /// On SQLite, lets one name be null, and the other not.
    async fn redefine(&self, manager: &SchemaManager<'_>, null: &str, not_null: &str) -> Result<(), DbErr> {
        let definition = |name: &str| {
            let column = ColumnDef::new_with_type(name.to_owned(), self.column_type.clone()).null().take();
            let sql = Table::alter().table(self.table).add_column(column).to_string(SqliteQueryBuilder);
            let nullable = sql.split_once(" ADD COLUMN ").map_or("", |(_, definition)| definition).to_owned();
            let required = nullable.replace(" NULL", " NOT NULL");
            (nullable, required)
        };
        let (nullable, required) = definition(null);
        sqlite::redefine(manager, self.table, &required, &nullable).await?;
        let (nullable, required) = definition(not_null);
        sqlite::redefine(manager, self.table, &nullable, &required).await
    }

    /// Drops the old name, with its indexes, and the trigger, after the backfill `migration`.
    ///
    /// Its migration has no transaction, because [`Rename::undo_contract`] fills the old name in batches. The drops only
    /// change the catalogue. They are one call, and so one transaction: clients wait for one lock, once.
    ///
    /// # Errors
    /// The backfill is not complete, or a statement fails.
    pub async fn contract(
        &self,
        manager: &SchemaManager<'_>,
        migration: &dyn MigrationTrait,
    ) -> Result<(), DbErr> {
        self.backfill().require_complete(manager, migration).await?;
        if is_postgres(manager) {
            let drop = format!("{};\n{}", self.trigger().drop_sql(), drop_column_sql(self.table, self.from));
            return execute(manager, &drop).await;
        }
        drop_column(manager, self.table, self.from).await
    }

    /// The `down` of [`Rename::contract`]: adds the old name, last in the table and without its indexes, copies changes
    /// again, and fills the old name by a backfill, which is not throttled.
    ///
    /// # Errors
    /// A statement fails.
    pub async fn undo_contract(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        self.add(manager, self.from).await?;
        self.trigger().create(manager).await?;
        self.fill(self.to, self.from).run(manager).await?;
        if self.not_null && is_postgres(manager) {
            require(manager, self.table, self.from).await?;
        }
        Ok(())
    }

    async fn add(&self, manager: &SchemaManager<'_>, name: &'static str) -> Result<(), DbErr> {
        let column = ColumnDef::new_with_type(name, self.column_type.clone()).null().take();
        add_column(manager, self.table, column).await?;
        if self.customer_updates {
            grant_update(manager, self.table, &[name]).await?;
        }
        Ok(())
    }

    /// The comparison with `old` keeps a row that is not filled yet: an update that sets the old name to the value it
    /// has must not copy the null of the new one.
    fn trigger(&self) -> CopyTrigger {
        let [from, to] = [self.from, self.to].map(quote);
        CopyTrigger {
            table: self.table,
            name: self.to,
            columns: vec![self.from, self.to],
            body: format!(
                "if tg_op = 'INSERT' and new.{to} is not null\n\
                     or tg_op = 'UPDATE' and new.{to} is distinct from old.{to} then\n\
                     new.{from} := new.{to};\n\
                 elsif tg_op = 'INSERT' or new.{from} is distinct from old.{from} then\n\
                     new.{to} := new.{from};\n\
                 end if;"
            ),
            comment: format!("{} and {} are one value under two names.", self.from, self.to),
        }
    }
}
