//! The schema: its migrations, drift, and constraints.

use crate::doctor::check::Check;
use crate::doctor::finding::{Engines, Finding, Found, Looked, Stop};
use crate::doctor::subject::Subject;
use environment::chain;
use gate::Workspace;
use gate::catalogue::LEDGER as LEDGER_TABLE;
use migration::{Options, Session, State, Target};

pub const LEDGER: Check = Check {
    id: "ledger",
    engines: Engines::Both,
    requires: "Every migration of this build is applied as it is here, and no other.",
    reads: "`seaql_migrations`",
    grant: "grant select on seaql_migrations to this login",
    thresholds: &[],
    fix: "cargo run -p migration -- up",
    source: "https://www.sea-ql.org/SeaORM/docs/migration/running-migration/",
    look: |subject| Box::pin(ledger(subject)),
};

async fn ledger(subject: &mut Subject) -> Looked {
    let skip = |error: migration::Error| {
        let reason = chain(&error);
        let fix = reason.contains("permission denied").then(|| LEDGER.grant.to_owned());
        Stop::Skip { reason, fix }
    };
    let target = Target::resolve(subject.request.url.as_deref(), None, None).map_err(skip)?;
    let statuses = Session::new(target, Options::default()).status().await.map_err(skip)?;
    let mut findings = Vec::new();
    let pending: Vec<&str> = statuses
        .iter()
        .filter(|status| status.state == State::Pending)
        .map(|status| status.name.as_str())
        .collect();
    if let Some(first) = pending.first() {
        let problem = format!("{} migrations are pending, the first is {first}", pending.len());
        findings.push(Finding::fail("seaql_migrations", problem));
    }
    for status in &statuses {
        let finding = match status.state {
            State::Applied(_) | State::Pending => continue,
            State::Changed(_) => {
                let what = status.difference.as_deref().unwrap_or("a statement differs");
                Finding::fail(&status.name, format!("it was applied with other statements: {what}"))
                    .fixed_by("use the build that applied it, or restore the file of the migration")
            }
            State::Unknown(at) => {
                let problem = format!("another build applied it on {}", at.format("%Y-%m-%d %H:%M UTC"));
                Finding::warn(&status.name, problem)
                    .fixed_by("use that build; during a rolling deployment it is the newer one")
            }
        };
        findings.push(finding);
    }
    let applied = statuses.len() - pending.len();
    Ok(Found { summary: format!("{applied} of {} migrations applied", statuses.len()), findings })
}

pub const DRIFT: Check = Check {
    id: "drift",
    engines: Engines::Postgres,
    requires: "The schema is the one that the applied migrations create, and `ops distribute` on Citus.",
    reads: "the catalogue as `gate --database` does, and a private server of the same build",
    grant: "grant select on seaql_migrations to this login, and install the server programs of PostgreSQL on this machine",
    thresholds: &[],
    fix: "undo the change in the database, or write a migration for it: cargo run -p migration -- generate",
    source: "https://www.postgresql.org/docs/current/catalogs.html",
    look: |subject| Box::pin(drift(subject)),
};

async fn drift(subject: &mut Subject) -> Looked {
    let url = subject.request.url.clone().unwrap_or_default();
    let outcomes = gate::run::run_live(&Workspace::at(None), &url).await.map_err(|error| {
        let fix = match &error {
            gate::Error::Ledger(_) | gate::Error::Scratch(_) => Some(DRIFT.grant.to_owned()),
            _ => None,
        };
        Stop::Skip { reason: chain(&error), fix }
    })?;
    let excepted: usize = outcomes.iter().map(|outcome| outcome.excepted).sum();
    // The check `ledger` reports the migrations themselves.
    let findings: Vec<Finding> = outcomes
        .iter()
        .flat_map(|outcome| &outcome.findings)
        .filter(|finding| finding.object != LEDGER_TABLE)
        .map(|finding| {
            let gate::Finding { object, problem, fix, .. } = finding.clone();
            Finding { fix, ..Finding::fail(object, problem) }
        })
        .collect();
    let mut found = Found::counted(findings, "no object differs from the migrations", "objects differ");
    if excepted > 0 {
        found.summary = format!("{}, {excepted} excepted in gate/exceptions.yaml", found.summary);
    }
    Ok(found)
}

pub const CONSTRAINTS_VALIDATED: Check = Check {
    id: "constraints_validated",
    engines: Engines::Postgres,
    requires: "Every constraint is validated.",
    reads: "`pg_constraint`",
    grant: "connect as a login of this database",
    thresholds: &[],
    fix: "alter table … validate constraint …, after the rows that violate it are corrected",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html",
    look: |subject| Box::pin(constraints_validated(subject)),
};

async fn constraints_validated(subject: &mut Subject) -> Looked {
    let found: Vec<(String, String)> = subject
        .rows(
            "select c.conrelid::regclass::text, quote_ident(c.conname) from pg_constraint c \
             join pg_namespace n on n.oid = c.connamespace \
             where not c.convalidated and c.conrelid <> 0 and n.nspname <> 'information_schema' \
               and n.nspname !~ '^pg_' order by 1, 2",
        )
        .await?;
    let findings = found
        .into_iter()
        .map(|(table, name)| {
            Finding::warn(format!("{name} on {table}"), "it is not validated: old rows may violate it")
                .fixed_by(format!("alter table {table} validate constraint {name}"))
        })
        .collect();
    Ok(Found::counted(findings, "all are validated", "not validated"))
}
