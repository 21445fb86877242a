//! Builders for changes of tables that may hold rows.
//!
//! None rewrites a table on PostgreSQL, or reads one under a lock that writers wait for. Where that takes several steps,
//! each is a text of its own: the migration returns `Some(false)` from `use_transaction`, so that each step commits by
//! itself and releases its lock. Everything here is written for both engines and can run again on its own result.
//! Applied migrations consist of these statements: extend this module, and never change an emitted statement.

#![expect(clippy::missing_errors_doc, reason = "each fails if the database refuses a statement")]

use crate::ddl::{
    EnumType, execute, foreign_key, index_name, literal, quote, sqlite_enum_check, sqlite_type_check,
};
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Adds a column unless it exists: one that may be null, or has a constant default.
///
/// PostgreSQL changes its catalogue only, under an access exclusive lock. A text column has a limit: [`add_text`].
pub async fn add_column(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: impl IntoColumnDef,
) -> Result<(), DbErr> {
    add_checked_column(manager, table, column.into_column_def(), None).await
}

/// Adds a text column of at most `max` characters. PostgreSQL reads the table once, without blocking writers; this
/// requires a migration without a transaction.
pub async fn add_text(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: impl IntoColumnDef,
    max: u32,
) -> Result<(), DbErr> {
    let column = column.into_column_def();
    let name = column.get_column_name();
    let condition = format!("length({}) <= {max}", quote(&name));
    add_checked_column(manager, table, column, Some(&condition)).await?;
    if is_postgres(manager) {
        let check = format!("ck_{table}_{name}_length");
        add_valid_constraint(manager, table, &check, &format!("check ({condition})")).await?;
    }
    Ok(())
}

/// Drops a column, with its constraints, if it exists.
pub async fn drop_column(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: &str,
) -> Result<(), DbErr> {
    let (table, column) = (quote(table), quote(column));
    if is_postgres(manager) {
        return execute(manager, &format!("alter table {table} drop column if exists {column}")).await;
    }
    let dropped = execute(manager, &format!("alter table {table} drop column {column}")).await;
    unless(dropped, "no such column")
}

/// Adds the index `ix_<table>_<columns without their _id, _at, _number>`. Writers continue on PostgreSQL; this requires
/// a migration without a transaction.
pub async fn add_index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    create_index(manager, &index_name(table, columns), table, columns, "index").await
}

/// Drops the index that [`add_index`] creates, if it exists.
pub async fn drop_index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    drop_index_named(manager, &index_name(table, columns)).await
}

/// Adds the constraint `uq_<table>_<columns>`, on SQLite a unique index; it fails if two rows have the same values.
/// Writers continue on PostgreSQL while the index is created; this requires a migration without a transaction.
pub async fn add_unique(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    let name = unique_name(table, columns);
    create_index(manager, &name, table, columns, "unique index").await?;
    if !is_postgres(manager) {
        return Ok(());
    }
    add_constraint(manager, table, &name, &format!("unique using index {}", quote(&name))).await
}

/// Drops the constraint that [`add_unique`] creates, if it exists.
pub async fn drop_unique(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    let name = unique_name(table, columns);
    if is_postgres(manager) {
        drop_constraint(manager, table, &name).await?;
    }
    // An attempt that failed leaves the index without its constraint.
    drop_index_named(manager, &name).await
}

/// A foreign key of a table that may hold rows. Its index is a step of its own: [`add_index`].
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// The table with the key.
    pub table: &'static str,
    /// The column that refers to a row.
    pub column: &'static str,
    /// The table of that row.
    pub to: &'static str,
    /// What the deletion of that row does.
    pub on_delete: ForeignKeyAction,
    /// Whether the key contains `organization_id` at both ends.
    pub within_tenant: bool,
}

impl Reference {
    /// Adds the key, and validates it: PostgreSQL reads the table once, without blocking writers. This requires a
    /// migration without a transaction.
    pub async fn add(self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let Self { table, .. } = self;
        if is_postgres(manager) {
            return add_valid_constraint(manager, table, &self.name(), &self.definition(true)).await;
        }
        // SQLite cannot add a constraint, but edit the definition: https://www.sqlite.org/lang_altertable.html#otheralter
        let constraint = self.sqlite_constraint();
        let change = format!("substr(sql, 1, length(sql) - 1) || {}", literal(&format!("{constraint})")));
        redefine(manager, table, &change, &format!("instr(sql, {}) = 0", literal(&quote(&self.name())))).await
    }

    /// Drops the key if it exists.
    pub async fn drop(self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if is_postgres(manager) {
            return drop_constraint(manager, self.table, &self.name()).await;
        }
        let change = format!("replace(sql, {}, '')", literal(&self.sqlite_constraint()));
        redefine(manager, self.table, &change, "true").await
    }

    fn name(self) -> String {
        let key = foreign_key(self.table, self.column, self.to, self.on_delete);
        key.get_foreign_key().get_name().unwrap_or_default().to_owned()
    }

    /// SQLite has no column list in `set null`: there the key leaves out the organization, as that of `NewTable`.
    fn definition(self, column_list: bool) -> String {
        let Self { column, to, on_delete, within_tenant, .. } = self;
        let sets_null = within_tenant && matches!(on_delete, ForeignKeyAction::SetNull);
        let (column, to) = (quote(column), quote(to));
        let [from, parent] = if within_tenant && (column_list || !sets_null) {
            [format!("\"organization_id\", {column}"), "\"organization_id\", \"id\"".to_owned()]
        } else {
            [column.clone(), "\"id\"".to_owned()]
        };
        let action = match on_delete {
            ForeignKeyAction::Cascade => "cascade".to_owned(),
            ForeignKeyAction::SetNull if sets_null && column_list => format!("set null ({column})"),
            ForeignKeyAction::SetNull => "set null".to_owned(),
            _ => "restrict".to_owned(),
        };
        format!("foreign key ({from}) references {to} ({parent}) on delete {action}")
    }

    fn sqlite_constraint(self) -> String {
        format!(", constraint {} {}", quote(&self.name()), self.definition(false))
    }
}

/// A column of an enum type.
#[derive(Clone, Copy, Debug)]
pub struct EnumColumn {
    /// Its table.
    pub table: &'static str,
    /// Its name.
    pub column: &'static str,
    /// Its default; `None`: it has none.
    pub default: Option<&'static str>,
}

/// The statements that drop and create an object whose expression names an enum type: an index or a check.
pub type Dependent = (&'static str, &'static str);

/// Adds `added`, which are some of the values of `kind`, each in its place. PostgreSQL locks no table. A value can be
/// used only after the transaction that adds it.
pub async fn add_enum_values(
    manager: &SchemaManager<'_>,
    kind: &EnumType,
    added: &[&str],
    columns: &[EnumColumn],
) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return replace_checks(manager, columns, &earlier(kind, added), kind.values).await;
    }
    for (place, value) in kind.values.iter().enumerate().filter(|(_, value)| added.contains(value)) {
        let next = || kind.values.iter().find(|value| !added.contains(value));
        let neighbour = match place.checked_sub(1) {
            Some(place) => format!(" after {}", literal(kind.values[place])),
            None => next().map(|next| format!(" before {}", literal(next))).unwrap_or_default(),
        };
        let (name, value) = (quote(kind.name), literal(value));
        execute(manager, &format!("alter type {name} add value if not exists {value}{neighbour}")).await?;
    }
    Ok(())
}

/// Replaces the type by one without `added`, if it has them. It rewrites the tables of the columns under an access
/// exclusive lock, and fails while a row has one of the values.
pub async fn drop_enum_values(
    manager: &SchemaManager<'_>,
    kind: &EnumType,
    added: &[&str],
    columns: &[EnumColumn],
    dependents: &[Dependent],
) -> Result<(), DbErr> {
    let earlier = earlier(kind, added);
    if !is_postgres(manager) {
        return replace_checks(manager, columns, kind.values, &earlier).await;
    }
    let list = |values: &[&str]| values.iter().map(|value| literal(value)).collect::<Vec<_>>().join(", ");
    let name = quote(kind.name);
    let old = quote(&format!("{}_old", kind.name));
    let mut statements = vec![format!(
        "if not exists (select from pg_enum where enumtypid = {}::regtype and enumlabel in ({})) then return; end if",
        literal(&name),
        list(added)
    )];
    statements.extend(dependents.iter().map(|(drop, _)| (*drop).to_owned()));
    statements.push(format!("alter type {name} rename to {old}"));
    statements.push(format!("create type {name} as enum ({})", list(&earlier)));
    for EnumColumn { table, column, default } in columns {
        let (table, column) = (quote(table), quote(column));
        let mut changes = vec![format!("alter column {column} type {name} using {column}::text::{name}")];
        if let Some(default) = default {
            changes.insert(0, format!("alter column {column} drop default"));
            changes.push(format!("alter column {column} set default {}", literal(default)));
        }
        statements.push(format!("alter table {table} {}", changes.join(", ")));
    }
    statements.push(format!("drop type {old}"));
    statements.extend(dependents.iter().map(|(_, create)| (*create).to_owned()));
    execute(manager, &format!("do $$ begin {}; end $$", statements.join("; "))).await
}

/// The values of the type without `added`.
fn earlier(kind: &EnumType, added: &[&str]) -> Vec<&'static str> {
    kind.values.iter().copied().filter(|value| !added.contains(value)).collect()
}

/// Replaces the lists of values in the checks of the columns, which is what SQLite has of the type.
async fn replace_checks(
    manager: &SchemaManager<'_>,
    columns: &[EnumColumn],
    from: &[&str],
    to: &[&str],
) -> Result<(), DbErr> {
    for EnumColumn { table, column, .. } in columns {
        let [from, to] = [from, to].map(|values| literal(&sqlite_enum_check(column, values.iter().copied())));
        redefine(manager, table, &format!("replace(sql, {from}, {to})"), "true").await?;
    }
    Ok(())
}

async fn add_checked_column(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: ColumnDef,
    sqlite_length: Option<&str>,
) -> Result<(), DbErr> {
    let mut alter = Table::alter().table(table).take();
    if is_postgres(manager) {
        return execute(manager, &alter.add_column_if_not_exists(column).to_string(PostgresQueryBuilder))
            .await;
    }
    let name = column.get_column_name();
    let checks = [("type", sqlite_type_check(&column)), ("length", sqlite_length.map(ToOwned::to_owned))];
    let mut sql = alter.add_column(column).to_string(SqliteQueryBuilder);
    for (rule, check) in checks {
        if let Some(check) = check {
            let constraint = quote(&format!("ck_{table}_{name}_{rule}"));
            sql.extend([" CONSTRAINT ", &constraint, " CHECK (", &check, ")"]);
        }
    }
    unless(execute(manager, &sql).await, "duplicate column name")
}

/// Adds a constraint that reads no row, then validates it under a lock that writers do not wait for.
async fn add_valid_constraint(
    manager: &SchemaManager<'_>,
    table: &str,
    name: &str,
    definition: &str,
) -> Result<(), DbErr> {
    add_constraint(manager, table, name, &format!("{definition} not valid")).await?;
    let (table, name) = (quote(table), quote(name));
    // In a block: squawk does not know that a validation can run again, and requires a transaction.
    execute(manager, &format!("do $$ begin alter table {table} validate constraint {name}; end $$")).await
}

async fn add_constraint(
    manager: &SchemaManager<'_>,
    table: &str,
    name: &str,
    definition: &str,
) -> Result<(), DbErr> {
    let (found, of) = (literal(name), literal(&quote(table)));
    let (table, name) = (quote(table), quote(name));
    let sql = format!(
        "do $$ begin \
         if not exists (select from pg_constraint where conname = {found} and conrelid = {of}::regclass) \
         then alter table {table} add constraint {name} {definition}; end if; end $$"
    );
    execute(manager, &sql).await
}

async fn drop_constraint(manager: &SchemaManager<'_>, table: &str, name: &str) -> Result<(), DbErr> {
    let (table, name) = (quote(table), quote(name));
    execute(manager, &format!("alter table {table} drop constraint if exists {name}")).await
}

async fn create_index(
    manager: &SchemaManager<'_>,
    name: &str,
    table: &str,
    columns: &[&str],
    what: &str,
) -> Result<(), DbErr> {
    let columns = columns.iter().map(|column| quote(column)).collect::<Vec<_>>().join(", ");
    let on = format!("{} on {} ({columns})", quote(name), quote(table));
    if !is_postgres(manager) {
        return execute(manager, &format!("create {what} if not exists {on}")).await;
    }
    // An attempt that failed leaves an invalid index, which `if not exists` would accept.
    let (quoted, found) = (quote(name), literal(&quote(name)));
    let leftover = format!(
        "do $$ begin \
         if exists (select from pg_index where indexrelid = to_regclass({found}) and not indisvalid) \
         then drop index {quoted}; end if; end $$"
    );
    execute(manager, &leftover).await?;
    execute(manager, &format!("create {what} concurrently if not exists {on}")).await
}

async fn drop_index_named(manager: &SchemaManager<'_>, name: &str) -> Result<(), DbErr> {
    let concurrently = if is_postgres(manager) { " concurrently" } else { "" };
    execute(manager, &format!("drop index{concurrently} if exists {}", quote(name))).await
}

/// Sets the stored definition of a SQLite table, of which the rows are not checked.
async fn redefine(
    manager: &SchemaManager<'_>,
    table: &str,
    definition: &str,
    condition: &str,
) -> Result<(), DbErr> {
    let table = literal(table);
    let sql = format!(
        "pragma writable_schema = on;\n\
         update sqlite_schema set sql = {definition} where type = 'table' and name = {table} and {condition};\n\
         pragma writable_schema = reset"
    );
    execute(manager, &sql).await
}

fn unique_name(table: &str, columns: &[&str]) -> String {
    format!("uq_{table}_{}", columns.join("_"))
}

fn is_postgres(manager: &SchemaManager<'_>) -> bool {
    manager.get_database_backend() == DbBackend::Postgres
}

/// Accepts the failure with which SQLite reports that there is nothing to do.
fn unless(result: Result<(), DbErr>, message: &str) -> Result<(), DbErr> {
    result.or_else(|error| if error.to_string().contains(message) { Ok(()) } else { Err(error) })
}
