//! The statements that cost the most, by the names of our queries.

use crate::doctor::check::Check;
use crate::doctor::finding::{Engines, Finding, Found, Looked, Stop, Verdict};
use crate::doctor::names::Names;
use crate::doctor::subject::Subject;
use crate::doctor::threshold::{Threshold, Unit};

const CALLS_LEAST: Threshold =
    Threshold::least("slow_statements.calls", 10.0, Unit::Count, "a mean of fewer calls says little");
const MEAN_WARN: Threshold =
    Threshold::warn("slow_statements.warn", 0.5, Unit::Seconds, "the default of DATABASE_SLOW_STATEMENT_MS");
const MEAN_FAIL: Threshold = Threshold::fail(
    "slow_statements.fail",
    10.0,
    Unit::Seconds,
    "a third of the default of DATABASE_STATEMENT_TIMEOUT_MS, in the mean",
);

/// The statements in the summary.
const SHOWN: usize = 3;

pub const SLOW_STATEMENTS: Check = Check {
    id: "slow_statements",
    engines: Engines::Postgres,
    requires: "No statement is slow in the mean.",
    reads: "`pg_stat_statements` of this database; statements are shown by the names of our queries, or by their tables, \
            never by their text",
    grant: "grant pg_monitor to this login",
    thresholds: &[CALLS_LEAST, MEAN_WARN, MEAN_FAIL],
    fix: "explain (analyze, buffers) the query, and see docs/migrations.md for an index under traffic",
    source: "https://www.postgresql.org/docs/current/pgstatstatements.html",
    look: |subject| Box::pin(slow_statements(subject)),
};

#[expect(clippy::cast_precision_loss, reason = "numbers of calls")]
async fn slow_statements(subject: &mut Subject) -> Looked {
    let schemas: Vec<(String,)> = subject
        .rows(
            "select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace \
             where e.extname = 'pg_stat_statements'",
        )
        .await?;
    let Some((schema,)) = schemas.into_iter().next() else {
        let fix = "add pg_stat_statements to shared_preload_libraries, restart, and: create extension pg_stat_statements";
        let reason = "the extension pg_stat_statements is not in this database".to_owned();
        return Err(Stop::Skip { reason, fix: Some(fix.to_owned()) });
    };
    subject.requires_all_stats().await?;
    let tables: Vec<(String,)> = subject
        .rows(
            "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace \
             where c.relkind in ('r', 'p', 'v', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'",
        )
        .await?;
    let names = Names::new(tables.into_iter().map(|(table,)| table));
    let statements: Vec<(String, i64, f64, f64, f64)> = subject
        .rows_of(format!(
            "select query, calls, mean_exec_time / 1000, max_exec_time / 1000, total_exec_time / 1000 \
             from {schema}.pg_stat_statements \
             where dbid = (select oid from pg_database where datname = current_database()) \
               and query is not null and calls > 0 \
             order by total_exec_time desc limit 1000"
        ))
        .await?;
    let least = subject.limit(&CALLS_LEAST);
    let limits = [(subject.limit(&MEAN_FAIL), Verdict::Fail), (subject.limit(&MEAN_WARN), Verdict::Warn)];
    let mut costly = Vec::new();
    let mut findings = Vec::new();
    for (text, calls, mean, longest, total) in statements {
        // The catalogue's own queries are those of this program and of tools.
        let Some(name) = names.of(&text) else { continue };
        if costly.len() < SHOWN {
            costly.push(format!("{name} {} in {calls} calls", Unit::Seconds.show(total)));
        }
        if (calls as f64) < least {
            continue;
        }
        let [mean_shown, longest] = [mean, longest].map(|time| Unit::Seconds.show(time));
        let problem = format!("{mean_shown} in the mean of {calls} calls, at most {longest}");
        findings.extend(Finding::at_limit(mean, limits, name, problem));
    }
    let summary = if costly.is_empty() { "no statement is recorded".to_owned() } else { costly.join(", ") };
    Ok(Found { summary, findings })
}
