//! Builders for DDL that sea-query lacks: tables with their trigger, policies and grants.
//!
//! Everything here is written for both engines, can run again on its own result, and quotes its identifiers.
//! Applied migrations consist of the statements of this module: extend it, and never change an emitted statement.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{timestamp_with_time_zone, uuid};
use sea_orm_migration::sea_orm::DbBackend;

/// The bound organization, read once per statement; an error if none is bound.
pub const BOUND_ORGANIZATION: &str = "(select bound_organization_id())";

/// The bound user, read once per statement; null if a program acts.
pub const BOUND_USER: &str = "(select bound_user_id())";

/// The role that a customer transaction takes.
pub const CUSTOMER: &str = "customer";

/// An enum type: on PostgreSQL a type, on SQLite text with a check.
#[derive(Clone, Copy, Debug)]
pub struct EnumType {
    /// Its name, in snake case.
    pub name: &'static str,
    /// Its values, in the order PostgreSQL sorts them.
    pub values: &'static [&'static str],
}

impl EnumType {
    /// A column of this type that is not null.
    #[must_use]
    pub fn column(&self, name: &'static str) -> ColumnDef {
        self.column_null(name).not_null().take()
    }

    /// A column of this type that may be null.
    #[must_use]
    pub fn column_null(&self, name: &'static str) -> ColumnDef {
        ColumnDef::new(name).enumeration(self.name, self.values.iter().copied()).take()
    }

    /// Creates the type unless it exists. Does nothing on SQLite.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn create(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return Ok(());
        }
        let values: Vec<String> = self.values.iter().map(|value| literal(value)).collect();
        execute(
            manager,
            &format!(
                "do $$ begin create type {} as enum ({}); exception when duplicate_object then null; end $$",
                quote(self.name),
                values.join(", ")
            ),
        )
        .await
    }

    /// Drops the type if it exists. Does nothing on SQLite.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn drop(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            return Ok(());
        }
        execute(manager, &format!("drop type if exists {}", quote(self.name))).await
    }
}

/// A table to create, with its constraints, indexes, trigger, policies and grants.
///
/// The first column is `id`; the last are `created_at` and `updated_at`, which a trigger sets.
#[derive(Debug)]
pub struct NewTable {
    backend: DbBackend,
    name: &'static str,
    table: TableCreateStatement,
    after: Vec<String>,
}

impl NewTable {
    /// A table outside any tenant, to which the caller adds policies and grants.
    pub fn new(manager: &SchemaManager<'_>, name: &'static str) -> Self {
        let backend = manager.get_database_backend();
        let new = Self { backend, name, table: Table::create(), after: Vec::new() };
        let id = match backend {
            DbBackend::Postgres => Expr::cust("uuid_generate_v4()"),
            // A version 4 UUID in the 16 bytes that sqlx writes.
            _ => Expr::cust(
                "unhex(hex(randomblob(6)) || '4' || substr(hex(randomblob(2)), 2) || \
                 substr('89AB', 1 + abs(random() % 4), 1) || substr(hex(randomblob(2)), 2) || \
                 hex(randomblob(6)))",
            ),
        };
        let mut new = new.column(uuid("id").default(id));
        new.table
            .table(name)
            .if_not_exists()
            .primary_key(Index::create().name(format!("pk_{name}")).col("id").primary());
        new
    }

    /// A table whose rows each belong to one organization, with the customer's `privileges`, of which there may be none.
    ///
    /// It requires an index that begins with `organization_id`; a referenced table has it by
    /// `unique(&["organization_id", "id"])`, which their composite keys need.
    pub fn tenant(manager: &SchemaManager<'_>, name: &'static str, privileges: &str) -> Self {
        let mut organization = uuid("organization_id");
        if is_postgres(manager) {
            organization.default(Expr::cust("current_organization_id()"));
        }
        let own = format!("organization_id = {BOUND_ORGANIZATION}");
        Self::new(manager, name)
            .column(&mut organization)
            .references("organization_id", "organizations", ForeignKeyAction::Cascade)
            .policy(&Policy::all("tenant_isolation", &own))
            .grant(privileges)
    }

    /// Adds a column, on SQLite with the check that replaces its type.
    pub fn column(mut self, column: impl IntoColumnDef) -> Self {
        let column = column.into_column_def();
        let name = column.get_column_name();
        if self.backend == DbBackend::Sqlite
            && let Some(check) = sqlite_type_check(&column)
        {
            self = self.check(&format!("{name}_type"), &check);
        }
        self.table.col(column);
        self
    }

    /// Adds a text column of at most `max` characters.
    pub fn text(self, column: impl IntoColumnDef, max: u32) -> Self {
        let column = column.into_column_def();
        let name = column.get_column_name();
        self.column(column).check(&format!("{name}_length"), &format!("length({}) <= {max}", quote(&name)))
    }

    /// Adds a point in time that defaults to the statement's.
    pub fn instant(self, name: &'static str) -> Self {
        let now = match self.backend {
            DbBackend::Postgres => "now()".to_owned(),
            _ => SQLITE_NOW.to_owned(),
        };
        self.column(timestamp_with_time_zone(name).default(Expr::cust(now)))
    }

    /// Adds the check `ck_<table>_<rule>`, the same on both engines.
    pub fn check(mut self, rule: &str, condition: &str) -> Self {
        self.table.check((format!("ck_{}_{rule}", self.name), Expr::cust(condition.to_owned())));
        self
    }

    /// Adds the check `ck_<table>_<rule>` with an expression for each engine: a regular expression, or GLOB patterns.
    pub fn check_as(self, rule: &str, postgres: &str, sqlite: &str) -> Self {
        let condition = if self.backend == DbBackend::Postgres { postgres } else { sqlite };
        self.check(rule, condition)
    }

    /// Adds the constraint `uq_<table>_<columns>`: a constraint and not an index, so that keys can refer to it.
    pub fn unique(mut self, columns: &[&'static str]) -> Self {
        let mut index = Index::create();
        index.name(format!("uq_{}_{}", self.name, columns.join("_"))).unique();
        for column in columns {
            index.col(*column);
        }
        self.table.index(&mut index);
        self
    }

    /// Adds a key to a table outside the tenant.
    pub fn references(
        mut self,
        column: &'static str,
        table: &'static str,
        on_delete: ForeignKeyAction,
    ) -> Self {
        let mut key = foreign_key(self.name, column, table, on_delete);
        self.table.foreign_key(key.from_col(column).to_col("id"));
        self
    }

    /// Adds a key to a row of the same organization: `(organization_id, column)` to `(organization_id, id)`.
    ///
    /// With `SetNull` only `column` becomes null, by PostgreSQL's column list; SQLite has none and
    /// gets the key without the organization (<https://www.postgresql.org/docs/15/ddl-constraints.html>).
    pub fn references_own(
        mut self,
        column: &'static str,
        table: &'static str,
        on_delete: ForeignKeyAction,
    ) -> Self {
        let nullable = matches!(on_delete, ForeignKeyAction::SetNull);
        if nullable && self.backend == DbBackend::Sqlite {
            return self.references(column, table, on_delete);
        }
        let mut key = foreign_key(self.name, column, table, on_delete);
        key.from_col("organization_id").from_col(column).to_col("organization_id").to_col("id");
        if nullable {
            self.after.push(format!(
                "do $$ begin {} ({}); exception when duplicate_object then null; end $$",
                key.from_tbl(self.name).to_string(PostgresQueryBuilder),
                quote(column)
            ));
        } else {
            self.table.foreign_key(&mut key);
        }
        self
    }

    /// Adds the index `ix_<table>_<columns without their _id, _at, _number>`.
    pub fn index(self, columns: &[&'static str]) -> Self {
        let name = index_name(self.name, columns);
        self.index_named(&name, columns, None)
    }

    /// Adds an index over the rows that meet `condition`, its name ending in `suffix`.
    pub fn index_where(self, columns: &[&'static str], suffix: &str, condition: &str) -> Self {
        let name = format!("{}_{suffix}", index_name(self.name, columns));
        self.index_named(&name, columns, Some(condition))
    }

    fn index_named(mut self, name: &str, columns: &[&'static str], condition: Option<&str>) -> Self {
        let mut index = Index::create();
        index.name(name).table(self.name).if_not_exists();
        for column in columns {
            index.col(*column);
        }
        if let Some(condition) = condition {
            index.and_where(Expr::cust(condition.to_owned()));
        }
        self.after.push(match self.backend {
            DbBackend::Postgres => index.to_string(PostgresQueryBuilder),
            _ => index.to_string(SqliteQueryBuilder),
        });
        self
    }

    /// Adds a policy for the customer. Does nothing on SQLite.
    pub fn policy(mut self, policy: &Policy<'_>) -> Self {
        if self.backend == DbBackend::Postgres {
            self.after.extend(policy.statements(self.name));
        }
        self
    }

    /// Grants the customer privileges, for instance `select, update (name)`; empty: none. Nothing on SQLite.
    pub fn grant(mut self, privileges: &str) -> Self {
        if self.backend == DbBackend::Postgres && !privileges.is_empty() {
            self.after.push(format!("grant {privileges} on {} to {CUSTOMER}", quote(self.name)));
        }
        self
    }

    /// Creates each object unless it exists.
    pub async fn create(self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let Self { backend, name, table, after } = self.instant("created_at").instant("updated_at");
        let mut statements = vec![match backend {
            DbBackend::Postgres => table.to_string(PostgresQueryBuilder),
            _ => table.to_string(SqliteQueryBuilder),
        }];
        if backend == DbBackend::Postgres {
            statements.push(format!("alter table {} enable row level security", quote(name)));
            statements.push(format!(
                "create or replace trigger updated_at before update on {} \
                 for each row execute function set_updated_at()",
                quote(name)
            ));
        } else {
            // Trigger names are one name space in SQLite, so the table's name is part of it.
            statements.push(format!(
                "create trigger if not exists {} after update on {} for each row begin \
                 update {} set updated_at = {SQLITE_NOW} where rowid = new.rowid; end",
                quote(&format!("updated_at_{name}")),
                quote(name),
                quote(name)
            ));
        }
        statements.extend(after);
        execute(manager, &statements.join(";\n")).await
    }
}

/// A row security policy for the role `customer`.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    name: &'a str,
    header: &'static str,
    using: Option<&'a str>,
    check: Option<&'a str>,
}

impl<'a> Policy<'a> {
    /// The rows that may be selected, updated, deleted and inserted.
    pub fn all(name: &'a str, condition: &'a str) -> Self {
        Self { name, header: "for all", using: Some(condition), check: Some(condition) }
    }

    /// The rows that may be selected.
    pub fn select(name: &'a str, condition: &'a str) -> Self {
        Self { name, header: "for select", using: Some(condition), check: None }
    }

    /// The rows that may be updated, before and after the update.
    pub fn update(name: &'a str, condition: &'a str) -> Self {
        Self { name, header: "for update", using: Some(condition), check: Some(condition) }
    }

    /// The condition on a new row, in addition to the other policies.
    pub fn insert_also(name: &'a str, condition: &'a str) -> Self {
        Self { name, header: "as restrictive for insert", using: None, check: Some(condition) }
    }

    fn statements(&self, table: &str) -> [String; 2] {
        let (table, name) = (quote(table), quote(self.name));
        let mut create = format!("create policy {name} on {table} {} to {CUSTOMER}", self.header);
        for (keyword, condition) in [("using", self.using), ("with check", self.check)] {
            if let Some(condition) = condition {
                create.extend([" ", keyword, " (", condition, ")"]);
            }
        }
        [format!("drop policy if exists {name} on {table}"), create]
    }
}

/// Creates or replaces a policy on an existing table. Does nothing on SQLite.
pub async fn set_policy(manager: &SchemaManager<'_>, table: &str, policy: &Policy<'_>) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return Ok(());
    }
    execute(manager, &policy.statements(table).join(";\n")).await
}

/// Drops a policy if it and its table exist. Does nothing on SQLite.
pub async fn drop_policy(manager: &SchemaManager<'_>, table: &str, name: &str) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return Ok(());
    }
    execute(manager, &format!("drop policy if exists {} on {}", quote(name), quote(table))).await
}

/// Lets triggers write an entry of the audit trail for each changed row of a table; the values of the columns `personal` are
/// replaced by digests. Does nothing on SQLite.
pub async fn audit(manager: &SchemaManager<'_>, table: &str, personal: &[&str]) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return Ok(());
    }
    let personal: Vec<String> = personal.iter().map(|column| literal(column)).collect();
    let (table, personal) = (quote(table), personal.join(", "));
    let sql = format!(
        "create or replace trigger audit after insert or update or delete on {table} \
         for each row execute function write_audit_log_entry({personal});\n\
         create or replace trigger audit_truncate after truncate on {table} \
         for each statement execute function write_audit_log_entry()"
    );
    execute(manager, &sql).await
}

/// Drops the triggers that [`audit`] creates, if they and the table exist. Does nothing on SQLite.
pub async fn drop_audit(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return Ok(());
    }
    let table = quote(table);
    let sql =
        format!("drop trigger if exists audit on {table};\ndrop trigger if exists audit_truncate on {table}");
    execute(manager, &sql).await
}

/// Drops a table, with its indexes, trigger, policies and grants, if it exists.
pub async fn drop_table(manager: &SchemaManager<'_>, name: &'static str) -> Result<(), DbErr> {
    manager.drop_table(Table::drop().table(name).if_exists().take()).await
}

/// Executes SQL text as it is. Statements in one text share a transaction, also where the migration has none.
///
/// # Errors
/// A statement fails.
pub async fn execute(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(sql).await.map(|_| ())
}

/// Whether the migration runs on PostgreSQL.
#[must_use]
pub fn is_postgres(manager: &SchemaManager<'_>) -> bool {
    manager.get_database_backend() == DbBackend::Postgres
}

/// An identifier in double quotes.
pub fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// A text literal in single quotes, valid under `standard_conforming_strings`.
#[must_use]
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The current time as sqlx writes it in UTC: a whole second has no fraction.
const SQLITE_NOW: &str = "replace(strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), '.000+', '+')";

/// The check that replaces the type of a column on SQLite; `None`: it needs none.
pub(crate) fn sqlite_type_check(column: &ColumnDef) -> Option<String> {
    let name = column.get_column_name();
    match column.get_column_type()? {
        ColumnType::Boolean => Some(format!("{} in (0, 1)", quote(&name))),
        ColumnType::JsonBinary => Some(format!("json_valid({})", quote(&name))),
        ColumnType::Enum { variants, .. } => {
            let values: Vec<String> = variants.iter().map(ToString::to_string).collect();
            Some(sqlite_enum_check(&name, values.iter().map(String::as_str)))
        }
        _ => None,
    }
}

/// The condition that a column has one of the values.
pub(crate) fn sqlite_enum_check<'a>(column: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let values: Vec<String> = values.into_iter().map(literal).collect();
    format!("{} in ({})", quote(column), values.join(", "))
}

/// A key without its columns, `fk_<table>_<column>_<referred table>`.
pub(crate) fn foreign_key(
    table: &'static str,
    column: &'static str,
    referred: &'static str,
    on_delete: ForeignKeyAction,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("fk_{table}_{column}_{referred}"))
        .from_tbl(table)
        .to_tbl(referred)
        .on_delete(on_delete)
        .take()
}

/// `ix_<table>_<columns without their _id, _at, _number>`.
#[must_use]
pub fn index_name(table: &str, columns: &[&str]) -> String {
    let mut name = format!("ix_{table}");
    for column in columns {
        let bare = ["_id", "_at", "_number"].iter().find_map(|suffix| column.strip_suffix(suffix));
        name.push('_');
        name.push_str(bare.unwrap_or(column));
    }
    name
}
