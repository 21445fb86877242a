//! The audit trail: whether its entries are sealed.

use crate::doctor::check::Check;
use crate::doctor::finding::{Engines, Finding, Found, Looked, Verdict};
use crate::doctor::subject::Subject;
use crate::doctor::threshold::{DAY, Threshold, Unit};

const AGE_WARN: Threshold =
    Threshold::warn("audit_seals.warn", 2.0 * DAY, Unit::Seconds, "a nightly seal, and one that was missed");
const AGE_FAIL: Threshold =
    Threshold::fail("audit_seals.fail", 7.0 * DAY, Unit::Seconds, "a week that can be altered unnoticed");

pub const AUDIT_SEALS: Check = Check {
    id: "audit_seals",
    engines: Engines::Postgres,
    requires: "Entries of the audit trail are sealed soon after they are written.",
    reads: "`audit_seals.created_at`, and the oldest of `audit_log_entries` after the newest seal. `ops audit verify` reads all",
    grant: "connect as the owner of the tables, or as a role with BYPASSRLS and select on them",
    thresholds: &[AGE_WARN, AGE_FAIL],
    fix: "ops audit seal, every night, and keep the seal that it prints outside the database",
    source: "https://csrc.nist.gov/pubs/sp/800/92/final",
    look: |subject| Box::pin(audit_seals(subject)),
};

async fn audit_seals(subject: &mut Subject) -> Looked {
    // By organization, so that the index of each has the first entry.
    let (newest, age): (Option<i64>, Option<f64>) = subject
        .row(
            "with newest as (select number, created_at from audit_seals order by number desc limit 1), \
                  since (at) as (select coalesce((select created_at from newest), '-infinity')), \
                  oldest as (select (select min(created_at) from audit_log_entries e \
                                     where e.organization_id = o.id and e.created_at > since.at) as at \
                             from organizations o, since \
                             union all \
                             select (select min(created_at) from audit_log_entries e \
                                     where e.organization_id is null and e.created_at > since.at) \
                             from since) \
             select (select number from newest), \
                    (select extract(epoch from now() - min(at))::float8 from oldest)",
        )
        .await?;
    let seal =
        newest.map_or_else(|| "no seal yet".to_owned(), |number| format!("the newest seal is {number}"));
    let Some(age) = age else {
        return Ok(Found { summary: format!("{seal}; every entry is sealed"), findings: Vec::new() });
    };
    let shown = Unit::Seconds.show(age.max(0.0));
    let ages = [(subject.limit(&AGE_FAIL), Verdict::Fail), (subject.limit(&AGE_WARN), Verdict::Warn)];
    let problem = format!("the oldest entry that is not sealed is {shown} old");
    let findings = Finding::at_limit(age, ages, "audit_log_entries", problem.clone()).into_iter().collect();
    Ok(Found { summary: format!("{seal}; {problem}"), findings })
}
