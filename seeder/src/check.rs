//! The rules that the queries of `database` keep and no constraint does, checked by SQL in any database.
//!
//! Each rule is a file of `seeder/src/check/rules`, named after it: a comment that states it, and a query that returns one row
//! for each violation, with the id of a row and `found`, a description by ids, states and counts only. A line of the comment
//! that begins with `PostgreSQL: ` states why the rule is not checked on SQLite.

mod report;
mod rule;

pub use report::{CheckReport, Checked, Violation};
pub use rule::Rule;

use crate::Error;
use chrono::{DateTime, TimeDelta, Utc};
use database::AdminTx;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};

/// The violations of a rule that a report names.
const SHOWN: usize = 5;

/// Row Level Security hides rows from this login.
const HIDDEN: &str = "\
    select count(*) from pg_catalog.pg_class \
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p') and row_security_active(oid)";

/// The earliest times of events and e-mails of which no retention run can have removed one. A run without an end may be at
/// work.
const RETENTION: &str = "\
    select \
        coalesce(max(coalesce(finished_at, now()) - least(event_days, 36500) * interval '1 day'), 'epoch') as events, \
        coalesce(max(coalesce(finished_at, now()) - least(email_days, 36500) * interval '1 day'), 'epoch') as emails \
    from retention_runs";

/// The times that rules refer to.
struct Times {
    day_ago: DateTime<Utc>,
    emails_since: DateTime<Utc>,
    events_since: DateTime<Utc>,
}

impl Times {
    /// At `now`.
    async fn read(tx: &AdminTx, now: DateTime<Utc>) -> Result<Self, DbErr> {
        let day_ago = now - TimeDelta::days(1);
        let mut times =
            Self { day_ago, emails_since: DateTime::UNIX_EPOCH, events_since: DateTime::UNIX_EPOCH };
        // Retention does not run on SQLite.
        if tx.get_database_backend() == DbBackend::Postgres
            && let Some(row) = query(tx, RETENTION, [], None).await?.pop()
        {
            times.events_since = row.try_get("", "events")?;
            times.emails_since = row.try_get("", "emails")?;
        }
        Ok(times)
    }

    /// The query with numbered parameters, and their values.
    fn bind(&self, query: &str) -> (String, Vec<Value>) {
        let Self { day_ago, emails_since, events_since } = *self;
        let mut sql = query.to_owned();
        let mut values = Vec::new();
        for (name, time) in
            [(":day_ago", day_ago), (":emails_since", emails_since), (":events_since", events_since)]
        {
            if sql.contains(name) {
                values.push(time.into());
                sql = sql.replace(name, &format!("${}", values.len()));
            }
        }
        (sql, values)
    }
}

/// Checks every rule, each in the snapshot of one statement, so that it can run beside other work. Changes nothing.
///
/// # Errors
/// Row Level Security hides rows from the login, or a query failed.
pub async fn check(tx: &AdminTx, now: DateTime<Utc>) -> Result<CheckReport, Error> {
    let failed = |error: DbErr| Error::database("the consistency rules", &error);
    let backend = tx.get_database_backend();
    if backend == DbBackend::Postgres {
        let hidden = query(tx, HIDDEN, [], None).await.map_err(failed)?;
        let hidden: Option<i64> =
            hidden.first().map(|row| row.try_get_by_index(0)).transpose().map_err(failed)?;
        if hidden != Some(0) {
            return Err(Error::RowSecurity);
        }
    }
    let times = Times::read(tx, now).await.map_err(failed)?;
    let mut rules = Vec::new();
    for rule in Rule::all() {
        let checked = match rule.postgres_only {
            Some(reason) if backend != DbBackend::Postgres => Checked::Skipped(reason),
            _ => {
                let found = violations(tx, &rule, &times).await;
                found.map_err(|error| Error::database(&format!("the rule {}", rule.name), &error))?
            }
        };
        rules.push((rule, checked));
    }
    Ok(CheckReport { rules })
}

async fn violations(tx: &AdminTx, rule: &Rule, times: &Times) -> Result<Checked, DbErr> {
    let (sql, values) = times.bind(rule.query);
    let id = rule.id_column();
    let sql = format!(
        "select {id}, found, count(*) over () as total, row_number() over (order by {id}) as place \
         from (\n{sql}\n) as violations order by place limit {SHOWN}"
    );
    // On Citus each shard returns its first ones; the rows of an organization, which a rule compares, are on one.
    let columns = format!("{id} uuid, found text, total int8, place int8");
    let rows = query(tx, &sql, values, Some(&columns)).await?;
    let mut total = 0;
    let mut first = Vec::new();
    for row in &rows {
        let (of_shard, place): (i64, i64) = (row.try_get("", "total")?, row.try_get("", "place")?);
        if place == 1 {
            total += u64::try_from(of_shard).unwrap_or_default();
        }
        first.push(Violation::read(row)?);
    }
    first.sort_by(|one, other| one.id.cmp(&other.id));
    first.truncate(SHOWN);
    Ok(Checked::Violations { total, first })
}

/// Runs a query, on each shard of Citus if it has these columns.
#[expect(clippy::disallowed_methods, reason = "the queries of the rules, whose text is fixed")]
async fn query(
    tx: &AdminTx,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
    columns: Option<&str>,
) -> Result<Vec<QueryResult>, DbErr> {
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    tx.query_all_raw(match columns {
        Some(columns) => tx.on_each_shard(statement, columns),
        None => statement,
    })
    .await
}
