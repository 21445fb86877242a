//! What VACUUM and ANALYZE are for: dead tuples, the planner's statistics, bloat, and the age of transaction ids.

use crate::doctor::check::Check;
use crate::doctor::finding::{Engines, Finding, Found, Looked, Stop, Verdict};
use crate::doctor::subject::Subject;
use crate::doctor::threshold::{MIB, Threshold, Unit};

const ROUTINE: &str = "https://www.postgresql.org/docs/current/routine-vacuuming.html";

pub const AUTOVACUUM: Check = Check {
    id: "autovacuum",
    engines: Engines::Postgres,
    requires: "Autovacuum is on, for each table.",
    reads: "`autovacuum`, `track_counts`, `pg_class.reloptions`",
    grant: "connect as a login of this database",
    thresholds: &[],
    fix: "alter system set autovacuum = on; alter system set track_counts = on; and reload",
    source: ROUTINE,
    look: |subject| Box::pin(autovacuum(subject)),
};

async fn autovacuum(subject: &mut Subject) -> Looked {
    let off: Vec<(String, bool)> = subject
        .rows(
            "select name, true from pg_settings where name in ('autovacuum', 'track_counts') and setting = 'off' \
             union all \
             select c.oid::regclass::text, false from pg_class c, pg_options_to_table(c.reloptions) o \
             where c.relkind in ('r', 'm', 'p') and o.option_name = 'autovacuum_enabled' \
               and o.option_value::bool is false \
             order by 1",
        )
        .await?;
    let findings = off
        .into_iter()
        .map(|(name, is_setting)| {
            if is_setting {
                Finding::fail(name, "it is off: no table is vacuumed, until transaction ids run out")
            } else {
                Finding::fail(format!("the table {name}"), "autovacuum_enabled is off")
                    .fixed_by(format!("alter table {name} reset (autovacuum_enabled)"))
            }
        })
        .collect();
    Ok(Found::counted(findings, "on", "switched off"))
}

const DEAD_LEAST: Threshold =
    Threshold::least("dead_tuples.least", 10_000.0, Unit::Count, "smaller numbers cost less than the vacuum");
const DEAD_WARN: Threshold = Threshold::warn(
    "dead_tuples.warn",
    2.0,
    Unit::Ratio,
    "dead tuples per trigger of autovacuum, autovacuum_vacuum_threshold + autovacuum_vacuum_scale_factor × rows",
);
const DEAD_FAIL: Threshold =
    Threshold::fail("dead_tuples.fail", 10.0, Unit::Ratio, "autovacuum does not finish, or removes nothing");

pub const DEAD_TUPLES: Check = Check {
    id: "dead_tuples",
    engines: Engines::Postgres,
    requires: "Autovacuum keeps up with the dead tuples of each table.",
    reads: "`pg_stat_all_tables`, `autovacuum_vacuum_*`, `pg_class.reloptions`",
    grant: "connect as a login of this database",
    thresholds: &[DEAD_LEAST, DEAD_WARN, DEAD_FAIL],
    fix: "vacuum (analyze) …; look for long transactions and inactive slots, which keep dead tuples, then lower \
          autovacuum_vacuum_cost_delay or the table's autovacuum_vacuum_scale_factor",
    source: ROUTINE,
    look: |subject| Box::pin(dead_tuples(subject)),
};

#[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
async fn dead_tuples(subject: &mut Subject) -> Looked {
    let tables: Vec<(String, i64, f64, Option<String>)> = subject
        .rows(
            "select s.relid::regclass::text, s.n_dead_tup, \
                    least(coalesce((select o.option_value from pg_options_to_table(c.reloptions) o \
                                    where o.option_name = 'autovacuum_vacuum_threshold'), \
                                   current_setting('autovacuum_vacuum_threshold'))::float8 \
                          + coalesce((select o.option_value from pg_options_to_table(c.reloptions) o \
                                      where o.option_name = 'autovacuum_vacuum_scale_factor'), \
                                     current_setting('autovacuum_vacuum_scale_factor'))::float8 \
                            * greatest(c.reltuples, 0), \
                          nullif(current_setting('autovacuum_vacuum_max_threshold', true)::float8, -1)), \
                    to_char(greatest(s.last_vacuum, s.last_autovacuum), 'YYYY-MM-DD HH24:MI \"UTC\"') \
             from pg_stat_all_tables s join pg_class c on c.oid = s.relid \
             where s.schemaname !~ '^pg_temp' and s.schemaname <> 'information_schema' \
             order by s.n_dead_tup desc",
        )
        .await?;
    let least = subject.limit(&DEAD_LEAST);
    let limits = [(subject.limit(&DEAD_FAIL), Verdict::Fail), (subject.limit(&DEAD_WARN), Verdict::Warn)];
    let dead: i64 = tables.iter().map(|(_, dead, ..)| dead).sum();
    let mut findings = Vec::new();
    for (table, dead, trigger, last) in tables {
        if (dead as f64) < least {
            continue;
        }
        let vacuumed = last.map_or_else(|| "never vacuumed".to_owned(), |at| format!("last vacuumed {at}"));
        let problem = format!("{dead} dead tuples, and autovacuum begins at {trigger:.0}; {vacuumed}");
        let found =
            Finding::at_limit(dead as f64 / trigger.max(1.0), limits, format!("the table {table}"), problem);
        findings.extend(found.map(|finding| finding.fixed_by(DEAD_TUPLES.fix.replacen('…', &table, 1))));
    }
    Ok(Found { summary: format!("{dead} dead tuples"), findings })
}

const CHANGES_LEAST: Threshold = Threshold::least(
    "planner_statistics.least",
    10_000.0,
    Unit::Count,
    "the plans of smaller tables are cheap either way",
);
const CHANGES_WARN: Threshold = Threshold::warn(
    "planner_statistics.warn",
    2.0,
    Unit::Ratio,
    "changes per trigger of autovacuum, autovacuum_analyze_threshold + autovacuum_analyze_scale_factor × rows",
);

pub const PLANNER_STATISTICS: Check = Check {
    id: "planner_statistics",
    engines: Engines::Postgres,
    requires: "The planner's statistics of each table follow its changes.",
    reads: "`pg_stat_user_tables`, `autovacuum_analyze_*`",
    grant: "connect as a login of this database",
    thresholds: &[CHANGES_LEAST, CHANGES_WARN],
    fix: "analyze",
    source: "https://www.postgresql.org/docs/current/planner-stats.html",
    look: |subject| Box::pin(planner_statistics(subject)),
};

#[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
async fn planner_statistics(subject: &mut Subject) -> Looked {
    let tables: Vec<(String, i64, f64, bool)> = subject
        .rows(
            "select s.relid::regclass::text, s.n_mod_since_analyze, \
                    current_setting('autovacuum_analyze_threshold')::float8 \
                    + current_setting('autovacuum_analyze_scale_factor')::float8 * greatest(c.reltuples, 0), \
                    s.last_analyze is null and s.last_autoanalyze is null \
             from pg_stat_user_tables s join pg_class c on c.oid = s.relid order by 1",
        )
        .await?;
    let (least, warn) = (subject.limit(&CHANGES_LEAST), subject.limit(&CHANGES_WARN));
    let findings = tables
        .into_iter()
        .filter(|(_, changes, trigger, _)| *changes as f64 >= least && *changes as f64 >= warn * trigger)
        .map(|(table, changes, _, never)| {
            let since = if never { "and it was never analyzed" } else { "since it was analyzed" };
            Finding::warn(format!("the table {table}"), format!("{changes} rows were changed {since}"))
                .fixed_by(format!("analyze {table}"))
        })
        .collect();
    Ok(Found::counted(findings, "as new as autovacuum keeps them", "tables out of date"))
}

const BLOAT_LEAST: Threshold =
    Threshold::least("table_bloat.least", 64.0 * MIB, Unit::Bytes, "smaller tables fit into memory anyway");
const BLOAT_WARN: Threshold = Threshold::warn(
    "table_bloat.warn",
    0.5,
    Unit::Ratio,
    "the estimate ignores alignment and errs by up to a quarter",
);

pub const TABLE_BLOAT: Check = Check {
    id: "table_bloat",
    engines: Engines::Postgres,
    requires: "Most of the space of a large table holds rows.",
    reads: "`pg_class.relpages`, `pg_class.reltuples`, `pg_stats`; an estimate, for which no table is read",
    grant: "grant pg_read_all_data to this login, which then sees the statistics of every table",
    thresholds: &[BLOAT_LEAST, BLOAT_WARN],
    fix: "verify with the extension pgstattuple; then pg_repack …, or vacuum full … while the application is stopped",
    source: "https://www.postgresql.org/docs/current/pgstattuple.html",
    look: |subject| Box::pin(table_bloat(subject)),
};

async fn table_bloat(subject: &mut Subject) -> Looked {
    // A row has a header of 23 bytes, padded to 24, and a line pointer of 4; a page a header of 24
    // (https://www.postgresql.org/docs/current/storage-page-layout.html).
    let tables: Vec<(String, f64, Option<f64>)> = subject
        .rows(
            "select c.oid::regclass::text, c.relpages::float8 * s.block, \
                    (select ceil(c.reltuples * (28 + sum((1 - p.null_frac) * p.avg_width)) \
                                 / ((s.block - 24) * coalesce((select o.option_value::float8 \
                                                               from pg_options_to_table(c.reloptions) o \
                                                               where o.option_name = 'fillfactor'), 100) / 100)) \
                            * s.block \
                     from pg_stats p \
                     where p.schemaname = n.nspname and p.tablename = c.relname and not p.inherited)::float8 \
             from pg_class c join pg_namespace n on n.oid = c.relnamespace, \
                  (select current_setting('block_size')::float8 as block) s \
             where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' \
               and c.reltuples >= 0 \
             order by c.relpages desc",
        )
        .await?;
    let (least, warn) = (subject.limit(&BLOAT_LEAST), subject.limit(&BLOAT_WARN));
    let large: Vec<_> = tables.into_iter().filter(|(_, size, _)| *size >= least && *size > 0.0).collect();
    if !large.is_empty() && large.iter().all(|(.., needed)| needed.is_none()) {
        let reason = "the login sees the statistics of no large table".to_owned();
        return Err(Stop::Skip { reason, fix: Some(TABLE_BLOAT.grant.to_owned()) });
    }
    let count = large.len();
    let findings = large
        .into_iter()
        .filter_map(|(table, size, needed)| {
            let unused = 1.0 - needed? / size;
            (unused >= warn).then(|| {
                let (unused, size) = (Unit::Ratio.show(unused), Unit::Bytes.show(size));
                Finding::warn(format!("the table {table}"), format!("about {unused} of {size} hold no rows"))
                    .fixed_by(TABLE_BLOAT.fix.replace('…', &table))
            })
        })
        .collect();
    let none = format!("{count} tables of {} or more", Unit::Bytes.show(least));
    Ok(Found::counted(findings, &none, "tables mostly empty"))
}

const AGE_WARN: Threshold = Threshold::warn(
    "transaction_age.warn",
    1.2,
    Unit::Ratio,
    "of autovacuum_freeze_max_age, at which autovacuum freezes a table even if it is off",
);
const AGE_FAIL: Threshold = Threshold::fail(
    "transaction_age.fail",
    2.0,
    Unit::Ratio,
    "of the same: the freezing does not finish, or something holds it back",
);
const AGE_END: Threshold = Threshold::fail(
    "transaction_age.end",
    1_600_000_000.0,
    Unit::Count,
    "vacuum_failsafe_age; near 2,147,483,648 the server refuses to write",
);

pub const TRANSACTION_AGE: Check = Check {
    id: "transaction_age",
    engines: Engines::Postgres,
    requires: "Old transaction ids and multixacts of each database are frozen in time.",
    reads: "`pg_database.datfrozenxid`, `pg_database.datminmxid`, `autovacuum_freeze_max_age`, \
            `autovacuum_multixact_freeze_max_age`",
    grant: "connect as a login of this database",
    thresholds: &[AGE_WARN, AGE_FAIL, AGE_END],
    fix: "end long transactions, prepared transactions and inactive slots, then run vacuum (freeze) in that database",
    source: "https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-WRAPAROUND",
    look: |subject| Box::pin(transaction_age(subject)),
};

#[expect(clippy::cast_precision_loss, reason = "numbers of transactions")]
async fn transaction_age(subject: &mut Subject) -> Looked {
    let ages: Vec<(String, String, i64, f64)> = subject
        .rows(
            "select d.datname::text, 'transactions', age(d.datfrozenxid)::bigint, \
                    current_setting('autovacuum_freeze_max_age')::float8 from pg_database d \
             union all \
             select d.datname::text, 'multixacts', mxid_age(d.datminmxid)::bigint, \
                    current_setting('autovacuum_multixact_freeze_max_age')::float8 from pg_database d \
             order by 3 desc",
        )
        .await?;
    let limits = [(subject.limit(&AGE_FAIL), Verdict::Fail), (subject.limit(&AGE_WARN), Verdict::Warn)];
    let end = subject.limit(&AGE_END);
    let oldest = ages.iter().map(|(.., age, limit)| *age as f64 / limit).fold(0.0, f64::max);
    let mut findings = Vec::new();
    for (database, kind, age, limit) in ages {
        let (object, ratio) = (format!("the database {database}"), age as f64 / limit);
        let problem =
            format!("the oldest of its {kind} is {age} back, {} of {limit:.0}", Unit::Ratio.show(ratio));
        if age as f64 >= end {
            findings.push(Finding::fail(object, problem));
        } else {
            findings.extend(Finding::at_limit(ratio, limits, object, problem));
        }
    }
    let summary = format!("{} of the age at which autovacuum freezes", Unit::Ratio.show(oldest));
    Ok(Found { summary, findings })
}
