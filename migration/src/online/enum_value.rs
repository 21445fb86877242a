//! New values of enum types.

use super::sqlite;
use crate::ddl::{EnumType, execute, is_postgres, literal, quote, sqlite_enum_check};
use sea_orm_migration::prelude::*;

/// Values that an enum type gets, each in its place. Only rows of the catalogue are added.
///
/// A value can be used only after the transaction that adds it: what writes it is another migration.
#[derive(Clone, Copy, Debug)]
pub struct EnumValues {
    /// The type with all of its values.
    pub after: EnumType,
    /// Those of them that are new.
    pub added: &'static [&'static str],
    /// The columns of the type.
    pub columns: &'static [EnumColumn],
    /// The indexes and checks with the type in an expression, which [`EnumValues::remove`] creates again.
    pub dependents: &'static [EnumDependent],
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

/// An index or a check with an enum type in its expression.
#[derive(Clone, Copy, Debug)]
pub struct EnumDependent {
    /// The statement that drops it.
    pub drop: &'static str,
    /// The statement that creates it.
    pub create: &'static str,
}

impl EnumValues {
    /// Adds each value unless the type has it.
    ///
    /// # Errors
    /// A statement fails.
    pub async fn add(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let values = self.after.values;
        if !is_postgres(manager) {
            return self.redefine(manager, &self.earlier(), values).await;
        }
        let kind = quote(self.after.name);
        for (place, value) in values.iter().enumerate().filter(|(_, value)| self.added.contains(value)) {
            // The value before it exists by now; one without such a value comes before the first that existed.
            let neighbour = match place.checked_sub(1) {
                Some(place) => format!(" after {}", literal(values[place])),
                None => self
                    .earlier()
                    .first()
                    .map(|first| format!(" before {}", literal(first)))
                    .unwrap_or_default(),
            };
            let value = literal(value);
            execute(manager, &format!("alter type {kind} add value if not exists {value}{neighbour}"))
                .await?;
        }
        Ok(())
    }

    /// Removes the values, if the type has one of them: PostgreSQL cannot, so the type is replaced, which rewrites the
    /// tables under ACCESS EXCLUSIVE.
    ///
    /// # Errors
    /// A row has one of the values.
    pub async fn remove(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let Self { after: EnumType { name, values }, added, columns, dependents } = *self;
        if !is_postgres(manager) {
            return self.redefine(manager, values, &self.earlier()).await;
        }
        let list = |values: &[&str]| values.iter().map(|value| literal(value)).collect::<Vec<_>>().join(", ");
        let (kind, replaced) = (quote(name), quote(&format!("{name}_old")));
        let mut statements = vec![format!(
            "if not exists (select from pg_enum where enumtypid = {}::regtype and enumlabel in ({})) \
             then return; end if",
            literal(&kind),
            list(added)
        )];
        statements.extend(dependents.iter().map(|dependent| dependent.drop.to_owned()));
        statements.push(format!("alter type {kind} rename to {replaced}"));
        statements.push(format!("create type {kind} as enum ({})", list(&self.earlier())));
        statements.extend(columns.iter().map(|column| column.retype(&kind)));
        statements.push(format!("drop type {replaced}"));
        statements.extend(dependents.iter().map(|dependent| dependent.create.to_owned()));
        execute(manager, &format!("do $$ begin\n{};\nend $$", statements.join(";\n"))).await
    }

    /// The values before.
    fn earlier(&self) -> Vec<&'static str> {
        self.after.values.iter().copied().filter(|value| !self.added.contains(value)).collect()
    }

    /// Replaces the lists of values in the checks of the columns, which are what SQLite has of the type.
    async fn redefine(&self, manager: &SchemaManager<'_>, from: &[&str], to: &[&str]) -> Result<(), DbErr> {
        for EnumColumn { table, name, default: _ } in self.columns {
            let check = |values: &[&str]| sqlite_enum_check(name, values.iter().copied());
            sqlite::redefine(manager, table, &check(from), &check(to)).await?;
        }
        Ok(())
    }
}

impl EnumColumn {
    /// The statement that changes the column to the type of the name `kind`.
    fn retype(&self, kind: &str) -> String {
        let (table, column) = (quote(self.table), quote(self.name));
        let change = format!("alter column {column} type {kind} using {column}::text::{kind}");
        match self.default {
            None => format!("alter table {table} {change}"),
            Some(default) => format!(
                "alter table {table} alter column {column} drop default, {change}, \
                 alter column {column} set default {}",
                literal(default)
            ),
        }
    }
}
