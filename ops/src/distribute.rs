//! `ops distribute`: a migrated database on Citus, where each organization's rows are on one of several nodes.
//!
//! What changes in the schema is in `migration/src/distributed.rs`. It runs in one transaction.

mod rebalance;

use crate::snapshot::literal;
use crate::target::connect;
use crate::{Error, Progress, Target};
use environment::{Action, AppEnv, Mark, permit};
use migration::distributed::{self, SETTINGS, TABLES};
pub use rebalance::{Moved, rebalance};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

/// Ends [`TABLES`].
const OBJECTIONS: &str = include_str!("distribute/objections.sql");
const WORKERS: &str = include_str!("distribute/workers.sql");

/// Foreign keys to reference tables permit no parallel connections in the transaction of their creation. No trigger fires on any
/// node: rows that are copied to a shard are not new, and have their audit entries. The role has its login on the workers already.
const BEGIN: &str = "begin; set local citus.multi_shard_modify_mode = sequential; \
                     set local citus.enable_unsafe_triggers = on; \
                     set local citus.propagate_set_commands = local; \
                     set local session_replication_role = replica; \
                     do $$ begin \
                         if not (select rolcanlogin from pg_roles where rolname = 'customer') then \
                             perform set_config('citus.enable_ddl_propagation', 'off', true); \
                             alter role customer login; \
                             perform set_config('citus.enable_ddl_propagation', 'on', true); \
                         end if; \
                     end $$";

/// What the distribution does, or would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// Each table with its shape and the reason.
    pub tables: Vec<String>,
    /// What changes for an application; empty if the database is distributed.
    pub changes: Vec<String>,
}

/// Distributes a migrated database, or only returns what that changes if `check`. Tables that are distributed stay as they are.
///
/// # Errors
/// The database is no PostgreSQL with Citus, something prevents the distribution, or the command is not permitted. Then the
/// database is as before.
pub async fn distribute(
    target: &Target,
    app_env: Option<AppEnv>,
    check: bool,
    progress: &Progress,
) -> Result<Distribution, Error> {
    let mut connection = open(target, "distribute").await?;
    let failed = Error::statement("reading the catalogue", target);
    let objections = column(&mut connection, &format!("{TABLES}{OBJECTIONS}")).await.map_err(&failed)?;
    if !objections.is_empty() {
        return Err(Error::Undistributable { target: target.to_string(), objections });
    }
    let tables = "select concat_ws(': ', name, concat_ws(' by ', shape, shard_column), reason) from citus_tables order by name";
    let tables = column(&mut connection, &format!("{TABLES}{tables}")).await.map_err(&failed)?;
    let steps = distributed::steps(&mut connection).await.map_err(&failed)?;
    let changes = steps.iter().filter_map(|step| step.change.clone()).collect();
    if !check {
        let marked = sqlx::raw_sql(Mark::QUERY).fetch_all(&mut connection).await.map_err(&failed)?;
        let mark = if marked.is_empty() { Mark::Absent } else { Mark::Production };
        permit(Action::Migrate, target.place(), app_env, mark, target)?;
        let failed = Error::statement("distributing the tables", target);
        // Before the transaction, which opens connections of the customer's role.
        on_workers(&mut connection, target).await?;
        run(&mut connection, BEGIN).await.map_err(&failed)?;
        progress.step("Distributing the tables");
        distributed::apply(&mut connection, &steps).await.map_err(&failed)?;
        for (name, value) in SETTINGS {
            let sql = format!(
                "do $$ begin execute format('alter database %I set {name} = {value}', current_database()); end $$"
            );
            run(&mut connection, &sql).await.map_err(&failed)?;
        }
        run(&mut connection, "commit").await.map_err(&failed)?;
        on_workers(&mut connection, target).await?;
    }
    // The work is done, whether or not the server is told.
    let _ = connection.close().await;
    Ok(Distribution { tables, changes })
}

/// Runs what each worker needs, which Citus does not propagate.
async fn on_workers(connection: &mut PgConnection, target: &Target) -> Result<(), Error> {
    let sql = format!(
        "select format('node %s:%s: %s', nodename, nodeport, result) from run_command_on_workers({}) where not success",
        literal(WORKERS)
    );
    let failures =
        column(connection, &sql).await.map_err(Error::statement("preparing the workers", target))?;
    if failures.is_empty() {
        return Ok(());
    }
    Err(Error::Workers { target: target.to_string(), failures })
}

/// A session on a database with Citus.
async fn open(target: &Target, command: &'static str) -> Result<PgConnection, Error> {
    let Target::Postgres(options) = target else {
        return Err(Error::PostgresRequired { command, target: target.to_string() });
    };
    let mut connection = connect(options).await?;
    let failed = Error::statement("reading the catalogue", target);
    run(&mut connection, "reset search_path").await.map_err(&failed)?;
    let found: (bool, bool) = sqlx::query_as(
        "select exists (select from pg_extension where extname = 'citus'), to_regprocedure('bind_actor(uuid, uuid, text)') is not null",
    )
    .fetch_one(&mut connection)
    .await
    .map_err(&failed)?;
    match found {
        (true, true) => Ok(connection),
        (false, _) => Err(Error::NoCitus { target: target.to_string() }),
        (_, false) => Err(Error::NoTable { target: target.to_string(), table: "organizations" }),
    }
}

async fn run(connection: &mut PgConnection, sql: &str) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(|_| ())
}

/// The first column of the rows.
async fn column(connection: &mut PgConnection, sql: &str) -> sqlx::Result<Vec<String>> {
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}
