//! The outbox: events that were committed and not published yet.

use crate::Target;
use crate::doctor::check::Check;
use crate::doctor::finding::{Engines, Finding, Found, Looked, Verdict};
use crate::doctor::subject::Subject;
use crate::doctor::threshold::{HOUR, Threshold, Unit};

const AGE_WARN: Threshold =
    Threshold::warn("outbox_backlog.warn", 300.0, Unit::Seconds, "a publisher that runs takes seconds");
const AGE_FAIL: Threshold =
    Threshold::fail("outbox_backlog.fail", HOUR, Unit::Seconds, "follow-up e-mails are an hour late");
const COUNT_WARN: Threshold =
    Threshold::warn("outbox_backlog.count_warn", 10_000.0, Unit::Count, "a hundred batches of a publisher");

pub const OUTBOX_BACKLOG: Check = Check {
    id: "outbox_backlog",
    engines: Engines::Both,
    requires: "Events are published soon after they are committed.",
    reads: "`events.published_at`, `events.created_at`",
    grant: "connect as the owner of the tables, or as a role with BYPASSRLS and select on events",
    thresholds: &[AGE_WARN, AGE_FAIL, COUNT_WARN],
    fix: "start the publisher, or read its log",
    source: "https://microservices.io/patterns/data/transactional-outbox.html",
    look: |subject| Box::pin(outbox_backlog(subject)),
};

#[expect(clippy::cast_precision_loss, reason = "a number of events")]
async fn outbox_backlog(subject: &mut Subject) -> Looked {
    let (count, age): (i64, Option<f64>) = match subject.target {
        Target::Postgres(_) => {
            subject
                .row(
                    "select (select count(*) from events where published_at is null), \
                            extract(epoch from now() - (select min(created_at) from events \
                                                        where published_at is null))::float8",
                )
                .await?
        }
        Target::Sqlite(_) => {
            let rows = subject
                .sqlite_rows(
                    "select count(*), cast(unixepoch() - unixepoch(min(created_at)) as real) from events \
                     where published_at is null",
                )
                .await?;
            rows.into_iter().next().unwrap_or((0, None))
        }
    };
    let age = age.unwrap_or(0.0);
    let ages = [(subject.limit(&AGE_FAIL), Verdict::Fail), (subject.limit(&AGE_WARN), Verdict::Warn)];
    let shown = Unit::Seconds.show(age.max(0.0));
    let mut findings = Vec::new();
    findings.extend(Finding::at_limit(
        age,
        ages,
        "events",
        format!("the oldest unpublished one is {shown} old"),
    ));
    if count as f64 >= subject.limit(&COUNT_WARN) {
        findings.push(Finding::warn("events", format!("{count} are unpublished")));
    }
    let summary = match count {
        0 => "every event is published".to_owned(),
        _ => format!("{count} unpublished, the oldest {shown} old"),
    };
    Ok(Found { summary, findings })
}
