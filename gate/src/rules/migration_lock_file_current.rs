use crate::migrations::lock;
use crate::rule::{Check, Level, Rule, emitted, replace};
use crate::{Error, Finding, Subject};
use std::future::ready;

/// Also finds each change of a migration that violates another rule.
pub const RULE: Rule = Rule {
    id: "migration_lock_file_current",
    level: Level::Block,
    requires: "migration/migrations.lock holds the digest of each script of each migration: a merged migration may be reformatted, but not changed.",
    why: "A database that has applied the migration never receives the change, and drifts from the others.",
    fix: "Restore the migration and write a new one; if it was never applied elsewhere, run: cargo run -p gate -- lock.",
    source: "docs/conventions.md#the-migration-lock-file",
    check: Check::Comparison(|subject| Box::pin(ready(look(subject)))),
    breaks: &[
        emitted(
            "m20261121_000014_create_provider_configs",
            "max_concurrent_calls >= 1",
            "max_concurrent_calls >= 2",
            &["m20261121_000014_create_provider_configs"],
        ),
        replace(
            lock::FILE,
            "m20261121_000017_create_transcript_snippets",
            "m20261121_000015_create_ghosts",
            &["m20261121_000015_create_ghosts", "m20261121_000017_create_transcript_snippets"],
        ),
        replace(
            lock::FILE,
            "# released: ",
            "# released: m20261121_000016_ghost\n# ",
            &["m20261121_000016_ghost"],
        ),
        replace(lock::FILE, "", "<<<<<<< a conflict\n", &[lock::FILE]),
    ],
};

fn look(subject: &Subject) -> Result<Vec<Finding>, Error> {
    let lock = match lock::read(subject.workspace())? {
        Ok(lock) => lock,
        Err(finding) => return Ok(vec![finding]),
    };
    let mut findings = lock.changed(subject.emitted());
    let unlocked = subject.emitted().iter().filter(|emitted| lock.names().all(|name| name != emitted.name));
    findings.extend(unlocked.map(|emitted| {
        Finding::of(&emitted.name, "the migration is not locked").fixed_by("Run: cargo run -p gate -- lock.")
    }));
    if let Some(released) = &lock.released
        && lock.names().all(|name| name != released)
    {
        findings.push(Finding::of(released, "it is released, but missing in the lock"));
    }
    Ok(findings)
}
