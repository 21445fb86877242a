//! Retention: whether what is past its limit is removed.

use crate::doctor::check::Check;
use crate::doctor::finding::{Engines, Finding, Found, Looked, Verdict};
use crate::doctor::subject::Subject;
use crate::doctor::threshold::{DAY, Threshold, Unit};

const OVERDUE_WARN: Threshold = Threshold::warn(
    "retention_backlog.warn",
    2.0 * DAY,
    Unit::Seconds,
    "a nightly run, and one that was missed",
);
const OVERDUE_FAIL: Threshold =
    Threshold::fail("retention_backlog.fail", 7.0 * DAY, Unit::Seconds, "a week of missed runs");

pub const RETENTION_BACKLOG: Check = Check {
    id: "retention_backlog",
    engines: Engines::Postgres,
    requires: "Nothing is kept long past the limit after which retention removes it, and the last run succeeded.",
    reads: "the oldest row of each kind that is past its limit, by the limits of the newest of `retention_runs`, or 30, 90 and \
            90 days",
    grant: "connect as the owner of the tables, or as a role with BYPASSRLS and select on them",
    thresholds: &[OVERDUE_WARN, OVERDUE_FAIL],
    fix: "ops retention run --until-done, every night",
    source: "https://www.postgresql.org/docs/current/datatype-datetime.html",
    look: |subject| Box::pin(retention_backlog(subject)),
};

async fn retention_backlog(subject: &mut Subject) -> Looked {
    let last: Vec<(String, f64)> = subject
        .rows(
            "select coalesce(outcome::text, 'no outcome'), \
                    extract(epoch from now() - coalesce(finished_at, updated_at))::float8 \
             from retention_runs order by created_at desc, id desc limit 1",
        )
        .await?;
    // The rules of past_limit.sql of the run, of which each needs the oldest row only. An event or a template with an
    // e-mail is kept as long as that, and is not counted.
    let overdue: Vec<(String, Option<f64>)> = subject
        .rows(
            "with run as ( \
                 select deleted_days, email_days, event_days from retention_runs order by created_at desc, id desc limit 1), \
             days (deleted, email, event) as ( \
                 select least(coalesce((select deleted_days from run), 30), 36500), \
                        least(coalesce((select email_days from run), 90), 36500), \
                        least(coalesce((select event_days from run), 90), 36500)), \
             provider as ( \
                 select distinct on (organization_id) organization_id, \
                        least(recording_retention_days, 36500) as recording, \
                        least(transcript_retention_days, 36500) as transcript \
                 from provider_configs order by organization_id, created_at desc, id desc), \
             oldest (kind, since) as ( \
                 select 'campaigns', (select min(deleted_at) from campaigns) + deleted * interval '1 day' from days \
                 union all \
                 select 'organizations', (select min(deleted_at) from organizations) + deleted * interval '1 day' from days \
                 union all \
                 select 'users', (select min(deleted_at) from users) + deleted * interval '1 day' from days \
                 union all \
                 select 'email_notifications', (select min(updated_at) from email_notifications where status <> 'pending') \
                        + email * interval '1 day' from days \
                 union all \
                 select 'events', (select min(published_at) from events where not exists ( \
                                       select from email_notifications where event_id = events.id)) \
                        + event * interval '1 day' from days \
                 union all \
                 select 'transcript_snippets', min((select min(t.created_at) from transcript_snippets t \
                                                    where t.organization_id = provider.organization_id) \
                                                   + transcript * interval '1 day') from provider \
                 union all \
                 select 'recordings', min((select min(a.started_at) from call_attempts a \
                                           where a.organization_id = provider.organization_id \
                                             and (a.metadata ->> 'recording_url') is not null) \
                                          + recording * interval '1 day') from provider) \
             select kind, extract(epoch from now() - since)::float8 from oldest order by 2 desc nulls last, 1",
        )
        .await?;
    let limits =
        [(subject.limit(&OVERDUE_FAIL), Verdict::Fail), (subject.limit(&OVERDUE_WARN), Verdict::Warn)];
    let mut findings = Vec::new();
    for (kind, seconds) in overdue {
        let Some(seconds) = seconds else { continue };
        let problem = format!("the oldest is {} past its limit", Unit::Seconds.show(seconds.max(0.0)));
        findings.extend(Finding::at_limit(seconds, limits, kind, problem));
    }
    let summary = match last.into_iter().next() {
        None => "no run yet".to_owned(),
        Some((outcome, age)) => {
            if ["failed", "incomplete"].contains(&outcome.as_str()) {
                let problem = format!("the last run ended as {outcome}");
                findings.push(
                    Finding::warn("ops retention run", problem)
                        .fixed_by("ops retention history, and run it again"),
                );
            }
            format!("the last run {} ago: {outcome}", Unit::Seconds.show(age.max(0.0)))
        }
    };
    Ok(Found { summary, findings })
}
