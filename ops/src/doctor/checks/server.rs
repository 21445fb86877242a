//! The server: its release and its connections.

use crate::doctor::check::Check;
use crate::doctor::finding::{Engines, Finding, Found, Looked, Verdict};
use crate::doctor::subject::Subject;
use crate::doctor::threshold::{DAY, Threshold, Unit};
use chrono::{DateTime, NaiveDate, Utc};
use environment::OLDEST_POSTGRES;

const MISSED_WARN: Threshold = Threshold::warn(
    "version.missed_warn",
    30.0 * DAY,
    Unit::Seconds,
    "time to plan the restart that a minor release takes",
);
const MISSED_FAIL: Threshold = Threshold::fail(
    "version.missed_fail",
    365.0 * DAY,
    Unit::Seconds,
    "at least four scheduled releases, each with security fixes",
);
const UPTIME_WARN: Threshold = Threshold::warn(
    "version.uptime_warn",
    120.0 * DAY,
    Unit::Seconds,
    "a minor release appears at least every three months, and needs a restart",
);
const SUPPORT_WARN: Threshold = Threshold::warn(
    "version.support_warn",
    180.0 * DAY,
    Unit::Seconds,
    "time to prepare an upgrade to another major version",
);

pub const VERSION: Check = Check {
    id: "version",
    engines: Engines::Postgres,
    requires: "The server is a supported release of PostgreSQL 15 to 18 with its minor releases applied.",
    reads: "`server_version_num`, `pg_postmaster_start_time()`",
    grant: "connect as a login of this database",
    thresholds: &[MISSED_WARN, MISSED_FAIL, UPTIME_WARN, SUPPORT_WARN],
    fix: "install the newest minor release of the major version and restart the server",
    source: "https://www.postgresql.org/support/versioning/",
    look: |subject| Box::pin(version(subject)),
};

/// The newest major version that is tested.
const NEWEST_POSTGRES: i64 = 18;

/// The dates of minor releases, with the minor number of PostgreSQL 15. All major versions are released at once.
///
/// <https://www.postgresql.org/docs/release/>
const RELEASES: [(NaiveDate, i64); 8] = [
    (date(2025, 5, 8), 13),
    (date(2025, 8, 14), 14),
    (date(2025, 11, 13), 15),
    (date(2026, 2, 12), 16),
    (date(2026, 2, 26), 17),
    (date(2026, 5, 14), 18),
    (date(2026, 8, 13), 19),
    (date(2026, 11, 12), 20),
];

/// The major versions, how many minor releases of PostgreSQL 15 each lacks, and the last day of support.
const MAJORS: [(i64, i64, NaiveDate); 4] = [
    (15, 0, date(2027, 11, 11)),
    (16, 4, date(2028, 11, 9)),
    (17, 8, date(2029, 11, 8)),
    (18, 14, date(2030, 11, 14)),
];

const fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) => date,
        None => NaiveDate::MIN,
    }
}

async fn version(subject: &mut Subject) -> Looked {
    let (number, uptime): (i64, f64) = subject
        .row(
            "select current_setting('server_version_num')::bigint, \
             extract(epoch from now() - pg_postmaster_start_time())::float8",
        )
        .await?;
    let limits = [&MISSED_WARN, &MISSED_FAIL, &UPTIME_WARN, &SUPPORT_WARN].map(|limit| subject.limit(limit));
    Ok(judge(number, uptime, subject.now, limits))
}

#[expect(clippy::cast_precision_loss, reason = "a duration in seconds")]
fn judge(number: i64, uptime: f64, now: DateTime<Utc>, limits: [f64; 4]) -> Found {
    let [missed_warn, missed_fail, uptime_warn, support_warn] = limits;
    let (major, minor) = (number / 10_000, number % 10_000);
    let object = format!("PostgreSQL {major}.{minor}");
    let mut findings = Vec::new();
    let seconds_since =
        |date: NaiveDate| (now - date.and_time(chrono::NaiveTime::MIN).and_utc()).num_seconds() as f64;
    let Some((_, lacks, end)) = MAJORS.into_iter().find(|(known, ..)| *known == major) else {
        let problem = format!("this build is tested with PostgreSQL {OLDEST_POSTGRES} to {NEWEST_POSTGRES}");
        let fix = "use a build that is tested with this version";
        return Found {
            summary: object.clone(),
            findings: vec![Finding::warn(object, problem).fixed_by(fix)],
        };
    };
    let upgrade = "upgrade to a newer major version: pg_upgrade, or ops backup and ops restore";
    if seconds_since(end) > 0.0 {
        findings.push(Finding::fail(&object, format!("its support ended on {end}")).fixed_by(upgrade));
    } else if seconds_since(end) > -support_warn {
        findings.push(Finding::warn(&object, format!("its support ends on {end}")).fixed_by(upgrade));
    }
    // The first release that this server lacks.
    let missed = RELEASES.into_iter().find(|(_, of_15)| of_15 - lacks > minor);
    if let Some((date, of_15)) = missed {
        let limits = [(missed_fail, Verdict::Fail), (missed_warn, Verdict::Warn)];
        let problem = format!("{major}.{} was released on {date}", of_15 - lacks);
        findings.extend(Finding::at_limit(seconds_since(date), limits, &object, problem));
    } else if uptime >= uptime_warn {
        let problem = format!(
            "it has run for {} without a restart, and has none of the minor releases since",
            Unit::Seconds.show(uptime)
        );
        findings.push(Finding::warn(&object, problem));
    }
    let known = RELEASES.into_iter().find(|(_, of_15)| of_15 - lacks == minor);
    let released = known.map(|(date, _)| format!(" of {date}")).unwrap_or_default();
    Found { summary: format!("{object}{released}, supported until {end}"), findings }
}

const CONNECTIONS_WARN: Threshold = Threshold::warn(
    "connections.warn",
    0.8,
    Unit::Ratio,
    "a burst of one pool with its overflow has to fit into the rest",
);
const CONNECTIONS_FAIL: Threshold =
    Threshold::fail("connections.fail", 0.95, Unit::Ratio, "the next client is refused with SQLSTATE 53300");

pub const CONNECTIONS: Check = Check {
    id: "connections",
    engines: Engines::Postgres,
    requires: "The server, the database and each login have connections left.",
    reads: "`pg_stat_activity`, `max_connections`, `superuser_reserved_connections`, `reserved_connections`, \
            `pg_database.datconnlimit`, `pg_roles.rolconnlimit`",
    grant: "connect as a login of this database",
    thresholds: &[CONNECTIONS_WARN, CONNECTIONS_FAIL],
    fix: "end idle sessions, lower DATABASE_POOL_SIZE and DATABASE_MAX_OVERFLOW, put a pooler in between, or raise the limit",
    source: "https://www.postgresql.org/docs/current/runtime-config-connection.html",
    look: |subject| Box::pin(connections(subject)),
};

#[expect(clippy::cast_precision_loss, reason = "numbers of connections")]
async fn connections(subject: &mut Subject) -> Looked {
    // Of other sessions only these columns are visible to every login.
    let limits: Vec<(String, i64, i64)> = subject
        .rows(
            "select 'the server', count(*), \
                    current_setting('max_connections')::bigint \
                    - current_setting('superuser_reserved_connections')::bigint \
                    - coalesce(current_setting('reserved_connections', true)::bigint, 0) \
             from pg_stat_activity where datid is not null \
             union all \
             select 'the database ' || d.datname, count(a.pid), d.datconnlimit \
             from pg_database d left join pg_stat_activity a on a.datid = d.oid \
             where d.datname = current_database() and d.datconnlimit > 0 group by d.datname, d.datconnlimit \
             union all \
             select 'the login ' || r.rolname, count(a.pid), r.rolconnlimit \
             from pg_roles r left join pg_stat_activity a on a.usesysid = r.oid \
             where r.rolconnlimit > 0 group by r.rolname, r.rolconnlimit",
        )
        .await?;
    let verdicts = [
        (subject.limit(&CONNECTIONS_FAIL), Verdict::Fail),
        (subject.limit(&CONNECTIONS_WARN), Verdict::Warn),
    ];
    let mut summary = String::new();
    let mut findings = Vec::new();
    for (object, used, limit) in limits {
        if summary.is_empty() {
            summary = format!("{used} of {limit} connections");
        }
        let problem = format!("{used} of {limit} connections are in use");
        findings.extend(Finding::at_limit(used as f64 / limit.max(1) as f64, verdicts, object, problem));
    }
    Ok(Found { summary, findings })
}

#[cfg(test)]
mod tests {
    use super::{DAY, Verdict, date, judge};
    use chrono::{DateTime, NaiveTime, Utc};

    fn verdict(number: i64, uptime: f64, now: DateTime<Utc>) -> Option<Verdict> {
        let limits = [30.0 * DAY, 365.0 * DAY, 120.0 * DAY, 180.0 * DAY];
        judge(number, uptime, now, limits).findings.iter().map(|finding| finding.verdict).max()
    }

    #[test]
    fn a_release_is_judged_by_the_first_one_that_it_lacks() {
        let on = |year, month, day| date(year, month, day).and_time(NaiveTime::MIN).and_utc();
        for (number, uptime, now, expected) in [
            (150_020, 1.0, on(2026, 11, 20), None),
            (180_006, 1.0, on(2026, 11, 20), None),
            // 15.20 is eight days old.
            (150_019, 1.0, on(2026, 11, 20), None),
            (150_019, 1.0, on(2026, 12, 20), Some(Verdict::Warn)),
            (180_004, 1.0, on(2026, 11, 20), Some(Verdict::Warn)),
            (160_009, 1.0, on(2026, 11, 20), Some(Verdict::Fail)),
            // Newer than this build knows.
            (150_025, 1.0, on(2027, 2, 1), None),
            (150_025, 130.0 * DAY, on(2027, 2, 1), Some(Verdict::Warn)),
            (150_025, 1.0, on(2027, 6, 1), Some(Verdict::Warn)),
            (150_025, 1.0, on(2027, 11, 12), Some(Verdict::Fail)),
            (190_000, 1.0, on(2026, 11, 20), Some(Verdict::Warn)),
        ] {
            assert_eq!(verdict(number, uptime, now), expected, "{number} on {now}");
        }
    }
}
