//! New values of enum types.

use super::sqlite;
use crate::ddl::{EnumType, execute, is_postgres, literal, quote};
use sea_orm_migration::prelude::*;

/// A value that an enum type gets, after its last one. Only a row of the catalogue is added.
///
/// The value can be used only after the transaction that adds it: what writes it is another migration.
#[derive(Clone, Copy, Debug)]
pub struct EnumValue {
    /// The type and its values before.
    pub before: EnumType,
    /// The new value.
    pub value: &'static str,
    /// The columns of the type.
    pub columns: &'static [EnumColumn],
}

/// A column of an enum type.
#[derive(Clone, Copy, Debug)]
pub struct EnumColumn {
    /// Its table.
    pub table: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its default, one of the values.
    pub default: Option<&'static str>,
}

impl EnumValue {
    /// Adds the value unless the type has it.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn add(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return self.redefine(manager, &self.list(false), &self.list(true)).await;
        }
        let after = self.before.values.last().map(|last| format!(" after {}", literal(last)));
        let sql = format!(
            "alter type {} add value if not exists {}{}",
            quote(self.before.name),
            literal(self.value),
            after.unwrap_or_default()
        );
        execute(manager, &sql).await
    }

    /// Removes the value, if the type has it: PostgreSQL cannot, so the type is replaced, which rewrites the tables
    /// under ACCESS EXCLUSIVE.
    ///
    /// # Errors
    /// A row has the value.
    pub async fn remove(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return self.redefine(manager, &self.list(true), &self.list(false)).await;
        }
        let kind = quote(self.before.name);
        let earlier = quote(&format!("{}_old", self.before.name));
        let values = self.list(false);
        let alter: String = self.columns.iter().map(|column| column.retype(&kind)).collect();
        let sql = format!(
            "do $$ begin\n\
                 if {} <> all (enum_range(null::{kind})::text[]) then return; end if;\n\
                 alter type {kind} rename to {earlier};\n\
                 create type {kind} as enum ({values});\n{alter}\
                 drop type {earlier};\n\
             end $$",
            literal(self.value)
        );
        execute(manager, &sql).await
    }

    fn list(&self, with_value: bool) -> String {
        let value = with_value.then_some(&self.value);
        let values: Vec<String> =
            self.before.values.iter().chain(value).map(|value| literal(value)).collect();
        values.join(", ")
    }

    async fn redefine(&self, manager: &SchemaManager<'_>, from: &str, to: &str) -> Result<(), DbErr> {
        for EnumColumn { table, name, default: _ } in self.columns {
            let check = |values: &str| format!("{} in ({values})", quote(name));
            sqlite::redefine(manager, table, &check(from), &check(to)).await?;
        }
        Ok(())
    }
}

impl EnumColumn {
    /// Changes the column to the type of the name `kind`.
    fn retype(&self, kind: &str) -> String {
        let (table, column) = (quote(self.table), quote(self.name));
        let change = format!("alter column {column} type {kind} using {column}::text::{kind}");
        match self.default {
            None => format!("alter table {table} {change};\n"),
            Some(default) => format!(
                "alter table {table} alter column {column} drop default, {change}, \
                 alter column {column} set default {};\n",
                literal(default)
            ),
        }
    }
}
