use crate::error::reason;
use crate::migrations::files::{self, MigrationFile};
use crate::migrations::replay::{Replay, rows};
use crate::rule::{Check, Level, Rule, emitted, replace};
use crate::{Error, Finding, Subject};
use std::collections::BTreeMap;

/// The locks are those in `pg_locks` at the end of the migration's transaction, with a row in each table. In a
/// migration without a transaction only rewrites are found. The locks of `down` are not checked.
pub const RULE: Rule = Rule {
    id: "migration_table_locks_documented",
    level: Level::Block,
    requires: "A migration's header names each lock stronger than ROW EXCLUSIVE on an existing table, and each table rewrite.",
    why: "Queries on the table wait until the migration commits; the operator has to know before the deployment.",
    fix: "Add `Locks: table (access exclusive: why this is acceptable); …` to the header, with `access exclusive, rewritten` for a rewritten table; or avoid the lock: add constraint … not valid and validate, create index concurrently.",
    source: "docs/conventions.md#documented-locks",
    check: Check::Subject(|subject| Box::pin(look(subject))),
    breaks: &[
        // Not declared.
        emitted(
            "m20261121_000014_create_provider_configs",
            "CREATE TABLE IF NOT EXISTS \"provider_configs\"",
            "lock table contacts in share row exclusive mode; CREATE TABLE IF NOT EXISTS \
             \"provider_configs\"",
            &["m20261121_000014_create_provider_configs contacts"],
        ),
        // Stronger than declared, and the table is rewritten.
        emitted(
            "m20261121_000014_create_provider_configs",
            "CREATE TABLE IF NOT EXISTS \"provider_configs\"",
            "cluster organizations using pk_organizations; CREATE TABLE IF NOT EXISTS \"provider_configs\"",
            &["m20261121_000014_create_provider_configs organizations"],
        ),
        // Declared and not taken.
        replace(
            "migration/src/migrations/m20261121_000014_create_provider_configs.rs",
            "organizations (share row exclusive: the key)",
            "organizations (share row exclusive: the key); users (share: no reason)",
            &["m20261121_000014_create_provider_configs users"],
        ),
        replace(
            "migration/src/migrations/m20261121_000014_create_provider_configs.rs",
            "organizations (share row exclusive: the key)",
            "organizations",
            &["m20261121_000014_create_provider_configs Locks"],
        ),
        // A migration that fails only if there are rows.
        emitted(
            "m20261121_000014_create_provider_configs",
            "CREATE TABLE IF NOT EXISTS \"provider_configs\"",
            "do $$ begin if exists (select from contacts) then raise 'rows'; end if; end $$; CREATE TABLE \
             IF NOT EXISTS \"provider_configs\"",
            &["m20261121_000014_create_provider_configs"],
        ),
    ],
};

async fn look(subject: &Subject) -> Result<Vec<Finding>, Error> {
    let files = files::read(subject.workspace())?;
    let mut replay = Replay::start().await?;
    let mut findings = Vec::new();
    for migration in subject.emitted() {
        let touched = match replay.trace(migration).await {
            Ok(touched) => touched,
            Err(Error::Database(error)) if error.as_database_error().is_some() => {
                findings.push(Finding::of(&migration.name, format!("up fails: {}", reason(&error))));
                break;
            }
            Err(error) => return Err(error),
        };
        if let Some(file) = files.iter().find(|file| file.name == migration.name) {
            findings.extend(compare(file, &touched));
        }
        // An empty table is reported once.
        let empty = rows::fill(&mut replay.connection).await?;
        findings.extend(empty.into_iter().filter(|table| !findings.contains(table)).collect::<Vec<_>>());
    }
    Ok(findings)
}

/// Compares the locks that are taken, each by its table, with those of the header.
pub(crate) fn compare(migration: &MigrationFile, taken: &BTreeMap<String, String>) -> Vec<Finding> {
    let line = migration.header.iter().find(|field| field.name == "Locks");
    let at = |problem: String, table: &str| {
        let line = line.map_or(1, |field| field.line);
        Finding::at(&migration.file, line, problem).about(format!("{} {table}", migration.name))
    };
    let Some(declared) = line.map_or(Some(BTreeMap::new()), |field| declared(&field.text)) else {
        return vec![at("its Locks do not have the form `table (mode: reason); …`".to_owned(), "Locks")];
    };
    let mut findings = Vec::new();
    for (table, lock) in taken.iter().filter(|(table, lock)| declared.get(*table) != Some(lock)) {
        findings.push(at(format!("it takes {lock} on {table}, which its header does not name"), table));
    }
    for (table, lock) in declared.iter().filter(|(table, _)| !taken.contains_key(*table)) {
        findings.push(at(format!("its header names {lock} on {table}, which it does not take"), table));
    }
    findings
}

/// Parses the Locks of a header: `users (access exclusive, rewritten: reason); contacts (share: reason)`, without backticks.
fn declared(text: &str) -> Option<BTreeMap<String, String>> {
    text.replace('`', "")
        .trim_end_matches('.')
        .split(';')
        .map(|entry| {
            let (table, rest) = entry.trim().split_once(" (")?;
            let (lock, reason) = rest.strip_suffix(')')?.split_once(':')?;
            (!reason.trim().is_empty()).then(|| (table.to_owned(), lock.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::declared;

    #[test]
    fn locks_in_another_form_are_refused() {
        for text in ["users", "users (share)", "users (share: )", "users (share: x), contacts"] {
            assert_eq!(declared(text), None, "{text}");
        }
    }
}
