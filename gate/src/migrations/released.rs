//! `database/released.sql`: the statements of the last release, to run on newer migrations.
//!
//! While a release is deployed, the previous one still runs on the new schema.

use crate::error::reason;
use crate::{Error, Finding, Workspace};
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{
    AssertSqlSafe, Column as _, Connection as _, Executor as _, SqlSafeStr as _, Statement as _,
    TypeInfo as _,
};
use std::collections::BTreeSet;

/// The file.
pub const FILE: &str = "database/released.sql";

/// The statements of a release.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// As `0.1.0`.
    pub(crate) release: String,
    /// The newest migration of the release.
    pub(crate) migration: String,
    pub(crate) statements: Vec<Statement>,
}

/// One statement that the release sends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// The function of `database`, or the entity: `contacts::claim_due`, `contacts::Entity`.
    pub(crate) name: String,
    /// The roles that it runs as; `None`: the owner.
    roles: &'static [Option<&'static str>],
    /// The declared types of its parameters, separated by commas; empty: the server infers them.
    types: String,
    sql: String,
    /// The line of its name in the file.
    pub(crate) line: usize,
}

/// What a statement does on a schema.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    /// The names and types of the columns that it returns.
    columns: Vec<(String, String)>,
    /// The tables that it inserts into.
    inserts: BTreeSet<String>,
}

/// The columns that an insert has to name: not null, without a default. Each is a table and a column.
pub(crate) type Required = BTreeSet<(String, String)>;

/// Reads the snapshot; `None`: there was no release. `Err` is a finding about the file.
pub(crate) fn read(workspace: &Workspace) -> Result<Option<Result<Snapshot, Finding>>, Error> {
    let Some(text) = workspace.read_if_there(FILE)? else { return Ok(None) };
    let parsed = parse(&text).map_err(|line| Finding::at(FILE, line, "this line is not part of a snapshot"));
    Ok(Some(parsed.map_err(|finding| finding.fixed_by("Restore the file from the repository."))))
}

/// Returns the number of the first line that is not part of a snapshot.
fn parse(text: &str) -> Result<Snapshot, usize> {
    let mut snapshot = Snapshot { release: String::new(), migration: String::new(), statements: Vec::new() };
    for (index, line) in text.lines().enumerate() {
        let wrong = index + 1;
        if let Some(heading) = line.strip_prefix("-- statement: ") {
            let (name, rest) = heading.split_once(", ").ok_or(wrong)?;
            let (scope, types) = rest.split_once(' ').unwrap_or((rest, ""));
            let roles: &[_] = match scope {
                "admin" => &[None],
                "customer" => &[Some("customer")],
                "either" => &[None, Some("customer")],
                _ => return Err(wrong),
            };
            snapshot.statements.push(Statement {
                name: name.to_owned(),
                roles,
                types: types.trim_matches(['(', ')']).to_owned(),
                sql: String::new(),
                line: wrong,
            });
        } else if let Some(statement) = snapshot.statements.last_mut() {
            statement.sql += line;
            statement.sql += "\n";
        } else if let Some(release) = line.strip_prefix("-- release: ") {
            release.clone_into(&mut snapshot.release);
        } else if let Some(migration) = line.strip_prefix("-- migration: ") {
            migration.clone_into(&mut snapshot.migration);
        } else if !line.is_empty() && !line.starts_with("--") {
            return Err(wrong);
        }
    }
    if snapshot.release.is_empty() || snapshot.migration.is_empty() { Err(1) } else { Ok(snapshot) }
}

impl Statement {
    /// Prepares the statement and plans it, with its privileges, without running it. `Err` is the server's reason.
    pub(crate) async fn effect(
        &self,
        connection: &mut PgConnection,
    ) -> Result<Result<Effect, String>, Error> {
        // The same in each role, except for privileges.
        let mut effect = Effect { columns: Vec::new(), inserts: BTreeSet::new() };
        for role in self.roles {
            let mut transaction = connection.begin().await?;
            let planned = self.plan(&mut transaction, *role).await;
            transaction.rollback().await?;
            // A prepared statement outlives its transaction.
            connection.execute("deallocate all").await?;
            connection.clear_cached_statements().await?;
            match planned {
                Ok(planned) => effect = planned,
                Err(error) if error.as_database_error().is_some() => return Ok(Err(reason(&error))),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Ok(effect))
    }

    async fn plan(&self, connection: &mut PgConnection, role: Option<&str>) -> Result<Effect, sqlx::Error> {
        // Without it the planner would plan for the parameters below, all of them null.
        connection.execute("set local plan_cache_mode = force_generic_plan").await?;
        if let Some(role) = role {
            sqlx::query("select set_config('role', $1, true)").bind(role).execute(&mut *connection).await?;
        }
        let (types, sql) = (&self.types, self.sql.trim_end().trim_end_matches(';'));
        let types = if types.is_empty() { String::new() } else { format!("({types})") };
        connection.execute(AssertSqlSafe(format!("prepare released{types} as {sql}")).into_sql_str()).await?;
        let described = connection.prepare(AssertSqlSafe(sql.to_owned()).into_sql_str()).await?;
        let nulls = match described.parameters() {
            Some(sqlx::Either::Left(parameters)) => parameters.len(),
            Some(sqlx::Either::Right(number)) => number,
            None => 0,
        };
        let arguments =
            if nulls == 0 { String::new() } else { format!("({})", vec!["null"; nulls].join(", ")) };
        let explain = format!("explain (format json) execute released{arguments}");
        let plan: Value =
            sqlx::query_scalar(AssertSqlSafe(explain)).persistent(false).fetch_one(connection).await?;
        let columns = described.columns().iter();
        let mut inserts = BTreeSet::new();
        inserted(&plan, &mut inserts);
        Ok(Effect {
            columns: columns
                .map(|one| (one.name().to_owned(), one.type_info().name().to_lowercase()))
                .collect(),
            inserts,
        })
    }

    /// Why the statement no longer does what the release expects; `None`: it does.
    pub(crate) fn problem(
        &self,
        before: &Effect,
        now: &Result<Effect, String>,
        new: &Required,
    ) -> Option<String> {
        let now = match now {
            Ok(now) => now,
            Err(reason) => return Some(format!("it fails: {reason}")),
        };
        let changed = before.columns.iter().zip(&now.columns).find(|(old, new)| old != new);
        if let Some(((name, old), (other, new))) = changed {
            let now = if name == other { new } else { other };
            return Some(format!("its column {name} of type {old} is now {now}"));
        }
        if before.columns.len() != now.columns.len() {
            return Some("it returns other columns".to_owned());
        }
        let missing = new.iter().find(|(table, column)| {
            let words = |c: char| !c.is_alphanumeric() && c != '_';
            now.inserts.contains(table) && !self.sql.split(words).any(|word| word == column)
        });
        missing.map(|(table, column)| format!("it inserts no {column} into {table}, which is required now"))
    }
}

/// Collects the tables that a plan inserts into.
fn inserted(plan: &Value, tables: &mut BTreeSet<String>) {
    match plan {
        Value::Array(parts) => parts.iter().for_each(|part| inserted(part, tables)),
        Value::Object(node) => {
            if node.get("Operation").and_then(Value::as_str) == Some("Insert") {
                tables.extend(node.get("Relation Name").and_then(Value::as_str).map(ToOwned::to_owned));
            }
            node.values().for_each(|part| inserted(part, tables));
        }
        _ => (),
    }
}

/// The columns of all tables that an insert has to name.
pub(crate) async fn required(connection: &mut PgConnection) -> Result<Required, Error> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "select relname::text, attname::text from pg_attribute join pg_class on pg_class.oid = attrelid \
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and attnum > 0 and not attisdropped \
         and attnotnull and not atthasdef and attidentity = ''",
    )
    .persistent(false)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "-- The statements.\n-- release: 0.1.0\n-- migration: m1\n\n-- statement: users::find, \
                        customer (uuid, bigint)\nselect $1,\n    $2;\n-- statement: users::Entity, admin\nselect 1;\n";

    #[test]
    fn a_snapshot_names_its_release_and_each_statement_with_its_role_and_types() {
        let snapshot = parse(TEXT).unwrap();
        assert_eq!((snapshot.release.as_str(), snapshot.migration.as_str()), ("0.1.0", "m1"));
        let [find, entity] = &snapshot.statements[..] else { panic!("{snapshot:?}") };
        assert_eq!(
            (find.name.as_str(), find.roles, find.types.as_str()),
            ("users::find", &[Some("customer")][..], "uuid, bigint")
        );
        assert_eq!((find.sql.as_str(), find.line), ("select $1,\n    $2;\n", 5));
        assert_eq!(
            parse(&TEXT.replace("customer", "either")).unwrap().statements[0].roles,
            [None, Some("customer")]
        );
        assert_eq!((entity.roles, entity.types.as_str()), (&[None][..], ""));
    }

    #[test]
    fn what_is_not_part_of_a_snapshot_is_refused_with_its_line() {
        for (from, to, line) in [
            ("-- migration: m1", "<<<<<<<", 3),
            ("-- release: 0.1.0\n", "", 1),
            ("customer", "guest", 5),
            (", admin", "", 8),
        ] {
            assert_eq!(parse(&TEXT.replace(from, to)), Err(line), "{from}");
        }
    }
}
