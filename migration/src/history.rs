//! The applied migrations, newest first.

use crate::migrations::SOURCES;
use crate::{header, ledger};
use chrono::{DateTime, Utc};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbErr};
use std::cmp::Reverse;
use std::fmt::Write as _;
use std::time::Duration;

/// An applied migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The migration's name.
    pub name: String,
    /// The time of application.
    pub at: DateTime<Utc>,
    /// The duration of `up`; `None` if `sea-orm-cli`, a version before 0.1.0 or `fresh` on SQLite applied the migration.
    pub took: Option<Duration>,
    /// The first sentence of its intent; `None` if this build does not have the migration.
    pub intent: Option<String>,
}

/// Reads the ledger, which need not exist, and changes nothing.
pub(crate) async fn read(db: &impl ConnectionTrait) -> Result<Vec<Applied>, DbErr> {
    let mut list: Vec<Applied> = ledger::read(db)
        .await?
        .into_iter()
        .map(|(name, entry)| Applied {
            intent: intent(&name),
            at: entry.applied_at,
            took: entry.duration,
            name,
        })
        .collect();
    // The ledger's times are in seconds, so that migrations of one run are often equal.
    list.sort_by(|a, b| Reverse((a.at, &a.name)).cmp(&Reverse((b.at, &b.name))));
    Ok(list)
}

fn intent(name: &str) -> Option<String> {
    let (_, source) = SOURCES.iter().find(|(module, _)| *module == name)?;
    let text = header::intent(source)?;
    Some(match text.split_once(". ") {
        Some((sentence, _)) => format!("{sentence}."),
        None => text,
    })
}

/// Formats the list: two lines for each migration.
pub(crate) fn render(list: &[Applied]) -> String {
    let mut text = String::new();
    for Applied { name, at, took, intent } in list {
        let took = took.map(|took| format!("  {} ms", took.as_millis())).unwrap_or_default();
        let intent = intent.as_deref().unwrap_or("(unknown to this build)");
        // Writing to a string does not fail.
        let _ = writeln!(text, "{} UTC  {name}{took}\n    {intent}", at.format("%Y-%m-%d %H:%M:%S"));
    }
    if list.is_empty() {
        text.push_str("No migration is applied.");
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::{SOURCES, intent};

    #[test]
    fn every_migration_has_an_intent_of_one_sentence() {
        for (name, _) in SOURCES {
            let intent = intent(name).unwrap_or_default();
            assert!(intent.ends_with('.') && !intent.contains(". "), "{name}: {intent}");
        }
        assert_eq!(intent("m20990101_000001_unknown"), None);
    }
}
