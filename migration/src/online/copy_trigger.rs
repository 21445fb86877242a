//! Triggers that keep an old and a new column equal while two releases run.

use crate::ddl::{execute, is_postgres, literal, quote};
use sea_orm_migration::prelude::*;

/// The trigger `<name>` and its function `<table>_<name>()`, which copy a change of either column into the other, from
/// the expand migration to the contract migration. SQLite has neither: no second release runs there.
#[derive(Clone, Debug)]
pub struct CopyTrigger {
    /// The table.
    pub table: &'static str,
    /// The trigger's name.
    pub name: &'static str,
    /// The columns whose change fires it, beside every insert.
    pub columns: Vec<&'static str>,
    /// The statements of PL/pgSQL that change `new`.
    pub body: String,
    /// What the values have in common, for the function's comment.
    pub comment: String,
}

impl CopyTrigger {
    fn function(&self) -> String {
        quote(&format!("{}_{}", self.table, self.name))
    }

    /// Creates or replaces both.
    ///
    /// # Errors
    /// A statement fails.
    pub async fn create(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return Ok(());
        }
        let (function, trigger, table) = (self.function(), quote(self.name), quote(self.table));
        let (body, comment) = (&self.body, literal(&format!("Trigger function: {}", self.comment)));
        let columns: Vec<String> = self.columns.iter().map(|column| quote(column)).collect();
        let sql = format!(
            "create or replace function {function}() returns trigger language plpgsql as $$\n\
             begin\n{body}\nreturn new;\nend $$;\n\
             revoke execute on function {function}() from public;\n\
             comment on function {function}() is {comment};\n\
             create or replace trigger {trigger} before insert or update of {} on {table} \
             for each row execute function {function}()",
            columns.join(", ")
        );
        execute(manager, &sql).await
    }

    /// Drops both if they exist.
    ///
    /// # Errors
    /// A statement fails.
    pub async fn drop(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return Ok(());
        }
        execute(manager, &self.drop_sql()).await
    }

    /// The statements that drop both.
    pub(super) fn drop_sql(&self) -> String {
        format!(
            "drop trigger if exists {} on {};\ndrop function if exists {}()",
            quote(self.name),
            quote(self.table),
            self.function()
        )
    }
}
