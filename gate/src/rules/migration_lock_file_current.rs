//! `migration/migrations.lock` is what the migrations execute.

use crate::migrations::lock;
use crate::mutation::Mutation;
use crate::rule::{Answer, Break, Check, Family, Level, Rule};
use crate::{Finding, Subject};

/// The rule. It also sees every change of a migration that another rule complains of.
pub const RULE: Rule = Rule {
    id: "migration_lock_file_current",
    level: Level::Block,
    family: Family::GeneratedFiles,
    requires: "Each migration executes what migration/migrations.lock says: it may be reformatted, and not changed.",
    why: "A database that applied the old migration never gets the change, and nobody notices.",
    fix: "Restore the migration and write a new one; if it was applied nowhere else, run: cargo run -p gate -- lock.",
    source: "database-rules.md: Do not modify applied/merged migrations",
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
            findings.push(Finding::of(released, "the lock says that it is released, and does not know it"));
        }
        Ok(findings)
    })
}
