//! migration/migrations.lock holds the digest of each script of each migration: a merged migration may be reformatted, but not changed.

use crate::migrations::lock;
use crate::mutation::Mutation;
use crate::rule::{Answer, Break, Check, Family, Level, Rule};
use crate::{Finding, Subject};

/// Also finds each change of a migration that violates another rule.
pub const RULE: Rule = Rule {
    id: "migration_lock_file_current",
    level: Level::Block,
    family: Family::GeneratedFiles,
    requires: "migration/migrations.lock holds the digest of each script of each migration: a merged migration may be reformatted, but not changed.",
    why: "A database that has applied the migration never receives the change, and drifts from the others.",
    fix: "Restore the migration and write a new one; if it was never applied elsewhere, run: cargo run -p gate -- lock.",
    source: "docs/conventions.md#the-migration-lock-file",
    check: Check::Subject(look),
    breaks: &[
        Break {
            by: Mutation::Emitted {
                migration: "m20261121_000014_create_provider_configs",
                text: "max_concurrent_calls >= 1",
                with: "max_concurrent_calls >= 2",
            },
            finds: &["m20261121_000014_create_provider_configs"],
        },
        Break {
            by: Mutation::Replace {
                file: lock::FILE,
                text: "m20261121_000015_create_transcript_snippets",
                with: "m20261121_000015_create_ghosts",
            },
            finds: &["m20261121_000015_create_ghosts", "m20261121_000015_create_transcript_snippets"],
        },
        Break {
            by: Mutation::Replace {
                file: lock::FILE,
                text: "# released: none",
                with: "# released: m20261121_000016_ghost",
            },
            finds: &["m20261121_000016_ghost"],
        },
        Break {
            by: Mutation::Replace { file: lock::FILE, text: "", with: "<<<<<<< a conflict\n" },
            finds: &[lock::FILE],
        },
    ],
};

fn look(subject: &Subject) -> Answer<'_> {
    Box::pin(async {
        let lock = match lock::read(subject.workspace())? {
            Ok(lock) => lock,
            Err(finding) => return Ok(vec![finding]),
        };
        let mut findings = lock.changed(subject.emitted());
        let unlocked =
            subject.emitted().iter().filter(|emitted| lock.names().all(|name| name != emitted.name));
        findings.extend(unlocked.map(|emitted| {
            Finding::of(&emitted.name, "the migration is not locked")
                .fixed_by("Run: cargo run -p gate -- lock.")
        }));
        if let Some(released) = &lock.released
            && lock.names().all(|name| name != released)
        {
            findings.push(Finding::of(released, "it is released, but missing in the lock"));
        }
        Ok(findings)
    })
}
