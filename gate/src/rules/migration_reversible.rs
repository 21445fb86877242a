use crate::catalogue::differences::Change;
use crate::error::reason;
use crate::migrations::replay::Replay;
use crate::rule::{Check, Level, Rule, emitted};
use crate::{Catalogue, Error, Finding, Subject};
use migration::Emitted;

/// Compares the catalogue, so that an empty `down` is a violation.
pub const RULE: Rule = Rule {
    id: "migration_reversible",
    level: Level::Block,
    requires: "After up and down of a migration the catalogue is unchanged, and up and down can each run twice.",
    why: "A failed deployment cannot be rolled back, or rolling it back drops objects of other migrations.",
    fix: "Write a down that undoes each statement of up; use if exists in down and if not exists in up.",
    source: "docs/conventions.md#reversible-migrations",
    check: Check::Subject(|subject| Box::pin(look(subject))),
    breaks: &[
        // `down` leaves an object.
        emitted(
            "m20261121_000005_create_user_organizations",
            "drop policy if exists \"users_visible\" on \"users\"",
            "select 1",
            &["m20261121_000005_create_user_organizations"],
        ),
        emitted(
            "m20261121_000005_create_user_organizations",
            "drop policy if exists \"users_visible\" on \"users\"",
            "drop policy if exists users_visible on users;
                       create statistics if not exists email_and_name on email, name from users",
            &["m20261121_000005_create_user_organizations"],
        ),
        // `down` drops an object of another migration.
        emitted(
            "m20261121_000017_create_transcript_snippets",
            "DROP TABLE IF EXISTS \"transcript_snippets\"",
            "drop table if exists transcript_snippets, survey_responses",
            &["m20261121_000017_create_transcript_snippets"],
        ),
        // `up` fails when it runs twice.
        emitted(
            "m20261121_000014_create_provider_configs",
            "CREATE TABLE IF NOT EXISTS",
            "create table",
            &["m20261121_000014_create_provider_configs"],
        ),
        emitted(
            "m20261121_000014_create_provider_configs",
            "DROP TABLE IF EXISTS",
            "drop table",
            &["m20261121_000014_create_provider_configs"],
        ),
    ],
};

async fn look(subject: &Subject) -> Result<Vec<Finding>, Error> {
    let mut replay = Replay::start().await?;
    let mut findings = Vec::new();
    let mut catalogue = replay.catalogue().await?;
    for migration in subject.emitted() {
        let (problem, applied) = round_trip(&mut replay, migration, &mut catalogue).await?;
        findings.extend(problem.map(|problem| Finding::of(&migration.name, problem)));
        if !applied {
            break;
        }
    }
    Ok(findings)
}

/// Returns the first problem of a migration, and whether it is applied afterwards, so that the next one can run.
///
/// `catalogue` is the catalogue before the migration, and afterwards the one that it created.
pub(crate) async fn round_trip(
    replay: &mut Replay,
    migration: &Emitted,
    catalogue: &mut Catalogue,
) -> Result<(Option<String>, bool), Error> {
    let before = std::mem::take(catalogue);
    let (mut problem, mut applied) = (None, false);
    for step in ["up", "up again", "down", "down again", "up after down"] {
        let is_up = step.starts_with("up");
        let done = if is_up { replay.up(migration).await } else { replay.down(migration).await };
        applied = is_up && done.is_ok();
        match done {
            Err(error) if error.as_database_error().is_none() => return Err(error.into()),
            Err(error) => _ = problem.get_or_insert(format!("{step} fails: {}", reason(&error))),
            Ok(()) if step == "up" => *catalogue = replay.catalogue().await?,
            Ok(()) => {
                let expected = if is_up { &*catalogue } else { &before };
                if let Some(difference) = first_difference(expected, &replay.catalogue().await?) {
                    problem.get_or_insert(format!("{step} {difference}"));
                }
            }
        }
    }
    if problem.is_some() && applied {
        // The next migration is compared with what this one left, and not reported for it.
        *catalogue = replay.catalogue().await?;
    }
    Ok((problem, applied))
}

/// An object that is left, or else the first that differs.
fn first_difference(expected: &Catalogue, found: &Catalogue) -> Option<String> {
    let changes = expected.changes(found);
    let left = changes.iter().find(|(_, change)| matches!(change, Change::Extra));
    let (name, change) = left.or_else(|| changes.iter().next())?;
    Some(match change {
        Change::Extra => format!("leaves {name}"),
        Change::Missing => format!("does not restore {name}"),
        Change::Facets { text, .. } => format!("changes {name}: {text}"),
    })
}
