//! `migration/migrations.lock`: digests of what each migration executes, so that a migration can be formatted and not
//! changed.
//!
//! A migration is a line with its name, followed by `untransactional` where PostgreSQL runs it without a transaction,
//! and a line for each engine and direction with the digests of the statements, so that a change is located. Branches
//! that each add a migration add to the same end, and conflict. Entries up to the migration of the line `# released:`
//! are never rewritten.

use crate::{Error, Finding, Workspace};
use migration::{Emitted, digest, statements};
use std::fmt;

/// Where it stands.
pub const FILE: &str = "migration/migrations.lock";

const HEADER: &str = "\
# What each migration executes: a digest of each statement, formatting and comments aside. Never edit this file;
# cargo run -p gate -- lock
# writes it, and leaves released migrations as they are. cargo run -p gate -- lock --release marks all as released.
";

const RELEASED: &str = "# released:";

const UNTRANSACTIONAL: &str = "untransactional";

/// The migrations as they were written down, or as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The newest migration that a release has; `None`: there was no release.
    pub released: Option<String>,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    transactional: bool,
    /// As [`Emitted::scripts`] names them, each with its statements' digests.
    scripts: Vec<(String, Vec<String>)>,
}

impl Lock {
    /// What the migrations execute now.
    #[must_use]
    pub fn of(emitted: &[Emitted], released: Option<String>) -> Self {
        let entry = |emitted: &Emitted| Entry {
            name: emitted.name.clone(),
            transactional: emitted.transactional,
            scripts: emitted
                .scripts()
                .iter()
                .map(|(name, texts)| {
                    (
                        (*name).to_owned(),
                        statements(texts).iter().map(|statement| digest(statement)).collect(),
                    )
                })
                .collect(),
        };
        Self { released, entries: emitted.iter().map(entry).collect() }
    }

    /// What was written down; a finding where that cannot be read.
    ///
    /// # Errors
    /// The first line that is none of a lock, by its number.
    pub fn parse(text: &str) -> Result<Self, usize> {
        let mut lock = Self { released: None, entries: Vec::new() };
        for (index, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let Some(name) = line.strip_prefix(RELEASED) {
                lock.released = Some(name.trim().to_owned()).filter(|name| name != "none");
            } else if words.is_empty() || line.starts_with('#') {
            } else if let ([engine, direction, digests @ ..], Some(entry), true) =
                (&words[..], lock.entries.last_mut(), line.starts_with(' '))
            {
                let digests = digests.iter().map(ToString::to_string).collect();
                entry.scripts.push((format!("{engine} {direction}"), digests));
            } else if let [name] | [name, UNTRANSACTIONAL] = words[..] {
                let (name, transactional) = (name.to_owned(), words.len() == 1);
                lock.entries.push(Entry { name, transactional, scripts: Vec::new() });
            } else {
                return Err(index + 1);
            }
        }
        Ok(lock)
    }

    /// The migrations' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The migrations that are gone or changed since they were written down, each once.
    #[must_use]
    pub fn changed(&self, emitted: &[Emitted]) -> Vec<Finding> {
        let now = Self::of(emitted, None);
        let mut findings = Vec::new();
        for old in &self.entries {
            let new = now.entry(&old.name);
            let texts = emitted.iter().find(|emitted| emitted.name == old.name);
            match new.zip(texts) {
                None => findings.push(Finding::of(&old.name, "the migration is gone")),
                Some((new, texts)) if old != new && !is_accepted(old, new, migration::accepts) => {
                    findings.push(Finding::of(&old.name, difference(old, new, texts)));
                }
                Some(_) => (),
            }
        }
        findings
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}{RELEASED} {}", self.released.as_deref().unwrap_or("none"))?;
        for Entry { name, transactional, scripts } in &self.entries {
            let mark = if *transactional { String::new() } else { format!(" {UNTRANSACTIONAL}") };
            writeln!(f, "\n{name}{mark}")?;
            for (name, digests) in scripts {
                writeln!(f, "    {name} {}", digests.join(" ").trim_end())?;
            }
        }
        Ok(())
    }
}

/// The lock of the workspace; `Err` holds what is wrong with the file.
///
/// # Errors
/// The file cannot be read.
pub fn read(workspace: &Workspace) -> Result<Result<Lock, Finding>, Error> {
    let parsed = match workspace.read_if_there(FILE)? {
        Some(text) => Lock::parse(&text).map_err(|line| Finding::at(FILE, line, "this is no line of a lock")),
        // Rewritten, it would not know what is released.
        None => Err(Finding::at(FILE, 1, "the lock of the migrations is missing")),
    };
    Ok(parsed.map_err(|finding| finding.fixed_by("Restore the file from the repository.")))
}

/// Writes down what the migrations of this build execute, if that differs; with `release`, that all are released.
///
/// Findings are released migrations that are gone or changed: then nothing is written.
///
/// # Errors
/// The file cannot be read or written.
pub fn write(workspace: &Workspace, emitted: &[Emitted], release: bool) -> Result<Vec<Finding>, Error> {
    let old = match read(workspace)? {
        Ok(old) => old,
        Err(finding) => return Ok(vec![finding]),
    };
    let findings = released_and_changed(&old, emitted);
    if findings.is_empty() {
        let newest = || emitted.last().map(|emitted| emitted.name.clone());
        let released = if release { newest() } else { old.released };
        let text = Lock::of(emitted, released).to_string();
        if workspace.read_if_there(FILE)?.as_deref() != Some(&text) {
            workspace.write(FILE, &text)?;
        }
    }
    Ok(findings)
}

fn released_and_changed(old: &Lock, emitted: &[Emitted]) -> Vec<Finding> {
    let Some(newest) = &old.released else { return Vec::new() };
    let mut findings = old.changed(emitted);
    findings.retain(|finding| finding.object <= *newest);
    findings.extend(
        emitted.iter().filter(|emitted| emitted.name <= *newest && old.entry(&emitted.name).is_none()).map(
            |emitted| Finding::of(&emitted.name, format!("it is older than {newest}, which is released")),
        ),
    );
    for finding in &mut findings {
        finding.fix = Some("Restore the released migration, and write a new one for the change.".to_owned());
    }
    findings
}

/// Whether the entries differ in nothing but statements that `migration/accepted_digests.yaml` lists.
fn is_accepted(old: &Entry, new: &Entry, accepts: impl Fn(&str, &str, &str) -> bool) -> bool {
    let scripts = old.scripts.iter().zip(&new.scripts).all(|((was, earlier), (is, digests))| {
        let engine = is.split(' ').next().unwrap_or_default();
        was == is
            && earlier.len() == digests.len()
            && earlier
                .iter()
                .zip(digests)
                .all(|(earlier, digest)| earlier == digest || accepts(&old.name, engine, earlier))
    });
    scripts && old.scripts.len() == new.scripts.len() && old.transactional == new.transactional
}

/// The first statement that differs, in words.
fn difference(old: &Entry, new: &Entry, emitted: &Emitted) -> String {
    /// As much of a statement as a line holds.
    const SHOWN: usize = 160;
    for ((name, new), (_, texts)) in new.scripts.iter().zip(emitted.scripts()) {
        let none = Vec::new();
        let old = old.scripts.iter().find(|(old, _)| old == name).map_or(&none, |(_, digests)| digests);
        if old == new {
            continue;
        }
        let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
        let place = format!("statement {} of {name}", same + 1);
        return match statements(texts).get(same) {
            Some(text) => {
                let shown: String = text.chars().take(SHOWN).collect();
                format!("{place} is not the one that is locked, but: {shown}")
            }
            None => format!("{place} is gone"),
        };
    }
    "it has another transaction than the one that is locked".to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Lock, is_accepted};

    #[tokio::test]
    async fn what_is_written_is_read_again() {
        let emitted = migration::emitted().await.unwrap();
        for released in [None, Some("m1".to_owned())] {
            let lock = Lock::of(&emitted, released);
            assert_eq!(Lock::parse(&lock.to_string()), Ok(lock));
        }
        assert_eq!(Lock::parse("m1\n\n<<<<<<< ours or theirs\nm2\n"), Err(3));
    }

    #[tokio::test]
    async fn a_listed_digest_is_accepted_for_its_migration_and_engine_only() {
        let emitted = migration::emitted().await.unwrap();
        let old = Lock::of(&emitted, None).entries.pop().unwrap();
        let (mut new, earlier) = (old.clone(), old.scripts[0].1[0].clone());
        new.scripts[0].1[0] = "0123456789abcdef".to_owned();
        let listed = |name: &str, engine: &str| {
            is_accepted(&old, &new, |migration, of, digest| {
                (migration, of, digest) == (name, engine, &earlier)
            })
        };
        assert!(listed(&old.name, "postgres"));
        assert!(!listed(&old.name, "sqlite") && !listed("m1", "postgres"));
        let mut shorter = new.clone();
        shorter.scripts[0].1.pop();
        assert!(!is_accepted(&old, &shorter, |_, _, _| true));
    }
}
