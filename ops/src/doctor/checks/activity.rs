//! Sessions that hold up others: long transactions and lock queues. The text of their statements is never shown.

use crate::doctor::check::Check;
use crate::doctor::finding::{Engines, Finding, Found, Looked, Verdict};
use crate::doctor::subject::Subject;
use crate::doctor::threshold::{HOUR, Threshold, Unit};

const TRANSACTION_WARN: Threshold = Threshold::warn(
    "long_transactions.warn",
    300.0,
    Unit::Seconds,
    "a transaction of an application ends within DATABASE_STATEMENT_TIMEOUT_MS, 30 s by default, per statement",
);
const TRANSACTION_FAIL: Threshold = Threshold::fail(
    "long_transactions.fail",
    HOUR,
    Unit::Seconds,
    "VACUUM removes nothing that was deleted since, in no table",
);
const IDLE_WARN: Threshold = Threshold::warn(
    "long_transactions.idle_warn",
    60.0,
    Unit::Seconds,
    "the default of DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS",
);

pub const LONG_TRANSACTIONS: Check = Check {
    id: "long_transactions",
    engines: Engines::Postgres,
    requires: "No transaction stays open for long, and none is left idle or prepared.",
    reads: "`pg_stat_activity`, `pg_prepared_xacts`",
    grant: "grant pg_monitor to this login",
    thresholds: &[TRANSACTION_WARN, TRANSACTION_FAIL, IDLE_WARN],
    fix: "end it where it began, or: select pg_terminate_backend(PID)",
    source: "https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW",
    look: |subject| Box::pin(long_transactions(subject)),
};

async fn long_transactions(subject: &mut Subject) -> Looked {
    subject.requires_all_stats().await?;
    let sessions: Vec<(i64, String, f64, Option<f64>)> = subject
        .rows(
            "select pid::bigint, coalesce(usename, '') || ', ' || coalesce(application_name, ''), \
                    extract(epoch from clock_timestamp() - xact_start)::float8, \
                    case when state like 'idle in transaction%' \
                         then extract(epoch from clock_timestamp() - state_change)::float8 end \
             from pg_stat_activity \
             where xact_start is not null and pid <> pg_backend_pid() and backend_type = 'client backend' \
             order by xact_start",
        )
        .await?;
    let prepared: Vec<(String, String, f64)> = subject
        .rows(
            "select transaction::text, owner::text, extract(epoch from clock_timestamp() - prepared)::float8 \
             from pg_prepared_xacts order by prepared",
        )
        .await?;
    let fail = (subject.limit(&TRANSACTION_FAIL), Verdict::Fail);
    let limits = [fail, (subject.limit(&TRANSACTION_WARN), Verdict::Warn)];
    let idle_limits = [fail, (subject.limit(&IDLE_WARN), Verdict::Warn)];
    let (open, mut oldest) = (sessions.len(), 0.0_f64);
    let mut findings = Vec::new();
    for (pid, who, age, idle) in sessions {
        oldest = oldest.max(age);
        let object = format!("the session {pid} ({who})");
        let problem = format!("its transaction has been open for {}", Unit::Seconds.show(age));
        let found = Finding::at_limit(age, limits, &object, problem).or_else(|| {
            let problem = format!("it has been idle in a transaction for {}", Unit::Seconds.show(idle?));
            Finding::at_limit(idle?, idle_limits, &object, problem)
        });
        findings.extend(found.map(|finding| finding.fixed_by(format!("select pg_terminate_backend({pid})"))));
    }
    for (transaction, owner, age) in prepared {
        let problem = format!("it has been prepared for {}", Unit::Seconds.show(age));
        let object = format!("the prepared transaction {transaction} of {owner}");
        let fix = "commit prepared or rollback prepared, with its name in pg_prepared_xacts";
        findings.extend(Finding::at_limit(age, limits, object, problem).map(|finding| finding.fixed_by(fix)));
    }
    let summary = match open {
        0 => "no other transaction is open".to_owned(),
        _ => format!("{open} open, the oldest for {}", Unit::Seconds.show(oldest)),
    };
    Ok(Found { summary, findings })
}

const BLOCKED_WARN: Threshold =
    Threshold::warn("blocked_sessions.warn", 5.0, Unit::Seconds, "the lock timeout of a migration");
const BLOCKED_FAIL: Threshold = Threshold::fail(
    "blocked_sessions.fail",
    60.0,
    Unit::Seconds,
    "longer than any statement of an application may take",
);

pub const BLOCKED_SESSIONS: Check = Check {
    id: "blocked_sessions",
    engines: Engines::Postgres,
    requires: "No session waits long for a lock.",
    reads: "`pg_stat_activity`, `pg_locks.waitstart`, `pg_blocking_pids()`",
    grant: "grant pg_monitor to this login",
    thresholds: &[BLOCKED_WARN, BLOCKED_FAIL],
    fix: "end the session that holds the lock: select pg_terminate_backend(PID)",
    source: "https://www.postgresql.org/docs/current/explicit-locking.html",
    look: |subject| Box::pin(blocked_sessions(subject)),
};

async fn blocked_sessions(subject: &mut Subject) -> Looked {
    subject.requires_all_stats().await?;
    let sessions: Vec<(i64, String, f64, String)> = subject
        .rows(
            "select a.pid::bigint, coalesce(a.usename, '') || ', ' || coalesce(a.application_name, ''), \
                    extract(epoch from clock_timestamp() - min(l.waitstart))::float8, \
                    array_to_string(pg_blocking_pids(a.pid), ', ') \
             from pg_stat_activity a join pg_locks l on l.pid = a.pid and not l.granted \
             where l.waitstart is not null \
             group by a.pid, a.usename, a.application_name order by 3 desc",
        )
        .await?;
    let limits =
        [(subject.limit(&BLOCKED_FAIL), Verdict::Fail), (subject.limit(&BLOCKED_WARN), Verdict::Warn)];
    let waiting = sessions.len();
    let findings = sessions
        .into_iter()
        .filter_map(|(pid, who, waited, blockers)| {
            let problem = format!("it has waited {} for a lock of {blockers}", Unit::Seconds.show(waited));
            let finding = Finding::at_limit(waited, limits, format!("the session {pid} ({who})"), problem)?;
            let fix = "end the transaction that holds the lock, or: select pg_terminate_backend(…)";
            Some(finding.fixed_by(fix.replace('…', &blockers)))
        })
        .collect();
    let summary =
        if waiting == 0 { "no session waits for a lock".to_owned() } else { format!("{waiting} wait") };
    Ok(Found { summary, findings })
}
