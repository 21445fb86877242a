//! Standbys and replication slots.

use crate::doctor::check::Check;
use crate::doctor::finding::{Engines, Finding, Found, Looked, Verdict};
use crate::doctor::subject::Subject;
use crate::doctor::threshold::{MIB, Threshold, Unit};

const LAG_WARN: Threshold =
    Threshold::warn("replication_lag.warn", 60.0, Unit::Seconds, "what a fail-over would lose, or wait for");
const LAG_FAIL: Threshold =
    Threshold::fail("replication_lag.fail", 600.0, Unit::Seconds, "the standby does not catch up by itself");
const BYTES_WARN: Threshold =
    Threshold::warn("replication_lag.bytes_warn", 256.0 * MIB, Unit::Bytes, "16 segments of WAL");
const BYTES_FAIL: Threshold = Threshold::fail(
    "replication_lag.bytes_fail",
    4_096.0 * MIB,
    Unit::Bytes,
    "four times the default of max_wal_size",
);

pub const REPLICATION_LAG: Check = Check {
    id: "replication_lag",
    engines: Engines::Postgres,
    requires: "Each standby follows closely.",
    reads: "`pg_stat_replication`; on a standby `pg_last_wal_replay_lsn()` and `pg_last_xact_replay_timestamp()`",
    grant: "grant pg_monitor to this login",
    thresholds: &[LAG_WARN, LAG_FAIL, BYTES_WARN, BYTES_FAIL],
    fix: "look at the load, the network and long queries of the standby; it may need a new base backup",
    source: "https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-REPLICATION-VIEW",
    look: |subject| Box::pin(replication_lag(subject)),
};

async fn replication_lag(subject: &mut Subject) -> Looked {
    subject.requires_all_stats().await?;
    // Without writes the lags are null, and the time of the last replay says nothing.
    let standbys: Vec<(String, f64, f64)> = subject
        .rows(
            "select 'the standby ' || coalesce(nullif(application_name, ''), pid::text), \
                    coalesce(extract(epoch from coalesce(replay_lag, flush_lag, write_lag)), 0)::float8, \
                    coalesce(pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_receive_lsn() \
                                                  else pg_current_wal_lsn() end, \
                                             coalesce(replay_lsn, flush_lsn, write_lsn, sent_lsn)), 0)::float8 \
             from pg_stat_replication \
             union all \
             select 'this standby', \
                    case when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0 \
                         else coalesce(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()), 0) \
                    end::float8, \
                    coalesce(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), 0)::float8 \
             where pg_is_in_recovery()",
        )
        .await?;
    let limits = [(subject.limit(&LAG_FAIL), Verdict::Fail), (subject.limit(&LAG_WARN), Verdict::Warn)];
    let sizes = [(subject.limit(&BYTES_FAIL), Verdict::Fail), (subject.limit(&BYTES_WARN), Verdict::Warn)];
    let count = standbys.len();
    let (mut longest, mut findings) = (0.0_f64, Vec::new());
    for (standby, seconds, bytes) in standbys {
        longest = longest.max(seconds);
        let shown = Unit::Seconds.show(seconds);
        findings.extend(Finding::at_limit(seconds, limits, &standby, format!("it is {shown} behind")));
        let shown = Unit::Bytes.show(bytes);
        findings.extend(Finding::at_limit(bytes, sizes, &standby, format!("it is {shown} of WAL behind")));
    }
    let summary = match count {
        0 => "no standby".to_owned(),
        _ => format!("{count} standbys, at most {} behind", Unit::Seconds.show(longest)),
    };
    Ok(Found { summary, findings })
}

const SLOT_FAIL: Threshold = Threshold::fail(
    "replication_slots.fail",
    1_024.0 * MIB,
    Unit::Bytes,
    "the default of max_wal_size, on top of which the slot fills the disk",
);

pub const REPLICATION_SLOTS: Check = Check {
    id: "replication_slots",
    engines: Engines::Postgres,
    requires: "Every replication slot is in use.",
    reads: "`pg_replication_slots`",
    grant: "connect as a login of this database",
    thresholds: &[SLOT_FAIL],
    fix: "start its client, or drop it: select pg_drop_replication_slot(…)",
    source: "https://www.postgresql.org/docs/current/view-pg-replication-slots.html",
    look: |subject| Box::pin(replication_slots(subject)),
};

async fn replication_slots(subject: &mut Subject) -> Looked {
    let slots: Vec<(String, bool, String, f64)> = subject
        .rows(
            "select slot_name::text, active, coalesce(wal_status, ''), \
                    coalesce(pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_receive_lsn() \
                                                  else pg_current_wal_lsn() end, restart_lsn), 0)::float8 \
             from pg_replication_slots where not temporary order by 1",
        )
        .await?;
    let limit = subject.limit(&SLOT_FAIL);
    let count = slots.len();
    let findings = slots
        .into_iter()
        .filter_map(|(slot, active, status, bytes)| {
            let object = format!("the slot {slot}");
            let kept = Unit::Bytes.show(bytes);
            let finding = match (status.as_str(), active) {
                ("lost", _) => Finding::fail(object, "its WAL was removed; its client needs a new copy"),
                ("unreserved", _) => {
                    Finding::fail(object, format!("its WAL of {kept} is about to be removed"))
                }
                (_, false) if bytes >= limit => {
                    Finding::fail(object, format!("it is inactive and keeps {kept} of WAL"))
                }
                (_, false) => Finding::warn(
                    object,
                    format!("it is inactive and keeps {kept} of WAL, and more with time"),
                ),
                _ => return None,
            };
            Some(finding.fixed_by(REPLICATION_SLOTS.fix.replace('…', &format!("'{slot}'"))))
        })
        .collect();
    Ok(Found::counted(findings, &format!("{count} slots, all in use"), &format!("of {count} slots")))
}
