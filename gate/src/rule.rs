//! A rule: its id, what it requires, why, how to fix a violation, the check, and the least changes that violate it.

use crate::mutation::Mutation;
use crate::{Error, Finding, Subject, Workspace};
use std::pin::Pin;

/// A rule of the schema, of the migrations or of the sources. Each stands in a file of its own below `rules`.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name, in snake case; the file's name.
    pub id: &'static str,
    /// What a violation means for the exit code.
    pub level: Level,
    /// What the rule is about.
    pub family: Family,
    /// What has to hold, as one sentence.
    pub requires: &'static str,
    /// What happens where it does not hold.
    pub why: &'static str,
    /// What to do then; a finding may know better.
    pub fix: &'static str,
    /// Its convention: a link to a section of `docs/conventions.md`, relative to the workspace.
    pub source: &'static str,
    /// How violations are found.
    pub check: Check,
    /// The least changes that break it, each with what is found then; `gate selftest` makes them. At least one.
    pub breaks: &'static [Break],
}

/// What a violation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It must not be merged.
    Block,
    /// Somebody should look; with `--deny-warnings` it blocks.
    Warn,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// A migrated schema, or a source file, by itself.
    Conventions,
    /// How the schema changes.
    Migrations,
    /// Two statements of the same thing differ. Such rules also see what others complain of.
    Drift,
    /// A generated file is not what would be generated. Such rules also see what others complain of.
    GeneratedFiles,
}

/// An answer that is still being worked out.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<Finding>, Error>> + 'a>>;

/// How violations are found.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// A query of a migrated database's catalogue. Each row is a violation: three texts, the object, the problem, and
    /// the fix or null. The views of `views.sql` are there.
    Catalogue(&'static str),
    /// A look at the sources.
    Sources(fn(&Workspace) -> Result<Vec<Finding>, Error>),
    /// Anything else.
    Subject(for<'a> fn(&'a Subject) -> Answer<'a>),
}

/// A change that breaks a rule, and the objects that the rule then names: these, in this order, and no others.
#[derive(Clone, Copy, Debug)]
pub struct Break {
    /// The change.
    pub by: Mutation,
    /// What [`Finding::object`] says.
    pub finds: &'static [&'static str],
}
