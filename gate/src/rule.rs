//! A rule: its id, what it requires, why, how to fix a violation, the check, and the least changes that violate it.

use crate::mutation::Mutation;
use crate::{Error, Finding, Subject, Workspace};
use std::pin::Pin;

/// A rule of the schema, of the migrations or of the sources. Each has a file of its own in `rules`.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name in snake case, which is the file's name.
    pub id: &'static str,
    /// What a violation means for the exit code.
    pub level: Level,
    /// The requirement as one sentence.
    pub requires: &'static str,
    /// The consequence of a violation.
    pub why: &'static str,
    /// The fix; a finding may have a more specific one.
    pub fix: &'static str,
    /// Its convention: a link to a section of `docs/conventions.md`, relative to the workspace.
    pub source: &'static str,
    /// The check that finds violations.
    pub check: Check,
    /// The smallest changes that violate it, each with the expected findings, for `gate selftest`. At least one.
    /// `tests/it/hostile.sql` has those through which a tenant reaches the rows of another one.
    pub breaks: &'static [Break],
}

/// What a violation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It must not be merged.
    Block,
    /// It should be reviewed; `--deny-warnings` blocks it as well.
    Warn,
}

/// The findings of an asynchronous check.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<Finding>, Error>> + 'a>>;

/// How violations are found.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// A query of a migrated database's catalogue and the views of `views.sql`. Each row is a violation: three texts, the
    /// object, the problem, and the fix or null.
    Catalogue(&'static str),
    /// A check of the sources.
    Sources(fn(&Workspace) -> Result<Vec<Finding>, Error>),
    /// A comparison of two definitions of the same object, or of a generated file with its sources. It also finds
    /// violations of other rules.
    Comparison(for<'a> fn(&'a Subject) -> Answer<'a>),
    /// Anything else.
    Subject(for<'a> fn(&'a Subject) -> Answer<'a>),
}

/// A change that violates a rule, and the objects of the expected findings, in their order.
#[derive(Clone, Copy, Debug)]
pub struct Break {
    /// The change.
    pub by: Mutation,
    /// The values of [`Finding::object`].
    pub finds: &'static [&'static str],
}

/// Breaks a rule by statements on the migrated database.
pub(crate) const fn sql(sql: &'static str, finds: &'static [&'static str]) -> Break {
    Break { by: Mutation::Sql(sql), finds }
}

/// Breaks a rule by another text in a file of a copy of the workspace.
pub(crate) const fn replace(
    file: &'static str,
    text: &'static str,
    with: &'static str,
    finds: &'static [&'static str],
) -> Break {
    Break { by: Mutation::Replace { file, text, with }, finds }
}

/// Breaks a rule by another text in the SQL of a migration.
pub(crate) const fn emitted(
    migration: &'static str,
    text: &'static str,
    with: &'static str,
    finds: &'static [&'static str],
) -> Break {
    Break { by: Mutation::Emitted { migration, text, with }, finds }
}
