use crate::error::reason;
use crate::migrations::released::{self, FILE, Required};
use crate::migrations::replay::Replay;
use crate::mutation::Mutation;
use crate::rule::{Break, Check, Level, Rule};
use crate::{Error, Finding, Subject};

/// Each statement is planned with the privileges of its role, and not run: a new constraint that rejects a value of the
/// release, and a new enum value that it cannot read, are not found.
pub const RULE: Rule = Rule {
    id: "previous_release_compatible",
    level: Level::Block,
    requires: "The statements of the last release work after each newer migration.",
    why: "During a deployment the previous release runs on the new schema: its statements fail until the last instance is replaced.",
    fix: "Change the schema in steps, by the recipes in docs/migrations.md: expand now, and contract when no release that uses the old column runs.",
    source: "docs/conventions.md#the-previous-release",
    check: Check::Subject(|subject| Box::pin(look(subject))),
    breaks: &[
        added(
            "alter table signing_keys rename column expires_at to ends_at",
            &["m99999999_000001_added Database::customer", "m99999999_000001_added signing_keys::Entity"],
        ),
        added(
            "alter table audit_seals alter column digest type bytea using digest::bytea",
            &["m99999999_000001_added audit_seals::Entity"],
        ),
        added(
            "alter table signing_keys add column owner text not null",
            &["m99999999_000001_added signing_keys::Entity"],
        ),
        added(
            "revoke update (status) on campaigns from customer",
            &["m99999999_000001_added campaigns::transition"],
        ),
        added("drop function bind_actor(uuid, uuid, text)", &["m99999999_000001_added Database::customer"]),
        added("drop table no_table", &["m99999999_000001_added"]),
        Break { by: Mutation::Released("select no_column from signing_keys"), finds: &[FILE] },
    ],
};

const fn added(up: &'static str, finds: &'static [&'static str]) -> Break {
    Break { by: Mutation::Added(up), finds }
}

async fn look(subject: &Subject) -> Result<Vec<Finding>, Error> {
    let snapshot = match released::read(subject.workspace())? {
        None => return Ok(Vec::new()),
        Some(Err(finding)) => return Ok(vec![finding]),
        Some(Ok(snapshot)) => snapshot,
    };
    let emitted = subject.emitted();
    let Some(last) = emitted.iter().position(|migration| migration.name == snapshot.migration) else {
        return Ok(vec![Finding::of(FILE, format!("its migration {} does not exist", snapshot.migration))]);
    };
    let (old, new) = emitted.split_at(last + 1);
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let mut replay = Replay::start().await?;
    for migration in old {
        replay.up(migration).await?;
    }
    let required = released::required(&mut replay.connection).await?;
    let (mut findings, mut working) = (Vec::new(), Vec::new());
    for statement in &snapshot.statements {
        match statement.effect(&mut replay.connection).await? {
            Ok(effect) => working.push((statement, effect)),
            Err(reason) => {
                let problem = format!("{} fails on the schema of its own release: {reason}", statement.name);
                findings.push(Finding::at(FILE, statement.line, problem));
            }
        }
    }
    for migration in new {
        if let Err(error) = replay.up(migration).await {
            let problem = format!("up fails: {}", reason(&error));
            findings.push(Finding::of(&migration.name, problem));
            break;
        }
        let now = released::required(&mut replay.connection).await?;
        let added: Required = now.difference(&required).cloned().collect();
        let mut left = Vec::new();
        for (statement, before) in working {
            let now = statement.effect(&mut replay.connection).await?;
            if let Some(problem) = statement.problem(&before, &now, &added) {
                let object = format!("{} {}", migration.name, statement.name);
                let problem =
                    format!("it breaks {} of the release {}: {problem}", statement.name, snapshot.release);
                // A function that sends several statements is reported once.
                if findings.iter().all(|finding| finding.object != object) {
                    findings.push(Finding::of(object, problem));
                }
            } else {
                left.push((statement, before));
            }
        }
        working = left;
    }
    Ok(findings)
}
