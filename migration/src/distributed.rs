//! The schema on Citus: what `ops distribute` changes in a migrated database, and `gate --database` in a scratch one.
//!
//! The statements come from the catalogue, so that a new table is distributed without an entry in a list.

use sqlx::{AssertSqlSafe, PgConnection, Row as _};

/// The beginning of a query: the tables as `citus_tables`, each with its shape on Citus and the reason.
pub const TABLES: &str = include_str!("distributed/tables.sql");
const STATEMENTS: &str = include_str!("distributed/statements.sql");
const FUNCTIONS: &str = include_str!("distributed/functions.sql");
const LOOKUPS: &str = include_str!("distributed/lookups.sql");

/// The settings of each session of the database: a plan is chosen for the tenant of the transaction.
pub const SETTINGS: [(&str, &str); 5] = [
    ("citus.enable_unsafe_triggers", "on"),
    // A transaction may change a reference table after rows that refer to it.
    ("citus.multi_shard_modify_mode", "sequential"),
    ("citus.propagate_set_commands", "local"),
    // As each session of `database`, whose settings do not reach the workers.
    ("jit", "off"),
    ("plan_cache_mode", "force_custom_plan"),
];

/// A statement that gives a table its shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The SQL.
    pub statement: String,
    /// What changes for an application; `None` if nothing does.
    pub change: Option<String>,
}

/// Returns the steps for the tables that are not distributed yet, in their order; none if all are.
///
/// # Errors
/// The catalogue cannot be read.
pub async fn steps(connection: &mut PgConnection) -> sqlx::Result<Vec<Step>> {
    let query = AssertSqlSafe(format!("{TABLES}{STATEMENTS}"));
    let rows = sqlx::raw_sql(query).fetch_all(connection).await?;
    rows.iter()
        .map(|row| Ok(Step { statement: row.try_get("statement")?, change: row.try_get("change")? }))
        .collect()
}

/// Creates the functions of the schema on Citus and runs the steps. The caller has begun a transaction.
///
/// # Errors
/// A statement fails. Then the transaction is aborted.
pub async fn apply(connection: &mut PgConnection, steps: &[Step]) -> sqlx::Result<()> {
    let statements = steps.iter().map(|step| step.statement.as_str());
    // The lookups are needed by the policies, and name the copies of the reference tables once these exist.
    for sql in [FUNCTIONS, LOOKUPS].into_iter().chain(statements).chain([LOOKUPS]) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await?;
    }
    Ok(())
}
