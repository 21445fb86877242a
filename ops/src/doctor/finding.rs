//! What a check found, or why it could not look.

use crate::Target;
use std::fmt;

/// The databases that a check applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engines {
    /// PostgreSQL and SQLite.
    Both,
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

impl Engines {
    /// Whether a database is one of them.
    #[must_use]
    pub fn include(self, target: &Target) -> bool {
        match self {
            Self::Both => true,
            Self::Postgres => matches!(target, Target::Postgres(_)),
            Self::Sqlite => matches!(target, Target::Sqlite(_)),
        }
    }
}

/// What a check found.
#[derive(Clone, Debug)]
pub struct Found {
    /// What was seen, as a short phrase.
    pub summary: String,
    /// The problems; none is a pass.
    pub findings: Vec<Finding>,
}

impl Found {
    /// The problems, with the summary of none, or their number and what they have in common.
    pub(crate) fn counted(findings: Vec<Finding>, none: &str, some: &str) -> Self {
        let summary =
            if findings.is_empty() { none.to_owned() } else { format!("{} {some}", findings.len()) };
        Self { summary, findings }
    }
}

/// The answer of a check.
pub type Looked = Result<Found, Stop>;

/// Why a check could not look.
#[derive(Debug)]
pub enum Stop {
    /// What it reads is not there, or is not readable for this login.
    Skip {
        /// Why.
        reason: String,
        /// What makes it readable, if anything does.
        fix: Option<String>,
    },
    /// A statement failed.
    Statement(sqlx::Error),
}

impl Stop {
    pub(crate) fn not_applicable(engines: Engines) -> Self {
        let reason =
            if engines == Engines::Sqlite { "applies to SQLite" } else { "does not apply to SQLite" };
        Self::Skip { reason: reason.to_owned(), fix: None }
    }
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Statement(error)
    }
}

/// The result of a check or a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As required.
    Pass,
    /// Not examined.
    Skipped,
    /// A risk.
    Warn,
    /// A fault.
    Fail,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Skipped => "skipped",
            Self::Warn => "warn",
            Self::Fail => "fail",
        })
    }
}

/// A problem of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// [`Verdict::Warn`] or [`Verdict::Fail`].
    pub verdict: Verdict,
    /// The object: a table, a role, a session, a setting. Never text of a user.
    pub object: String,
    /// What is wrong with it.
    pub problem: String,
    /// The fix; `None`: that of the check.
    pub fix: Option<String>,
}

impl Finding {
    pub(crate) fn warn(object: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, object: object.into(), problem: problem.into(), fix: None }
    }

    pub(crate) fn fail(object: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, ..Self::warn(object, problem) }
    }

    /// The same, with a fix of its own.
    #[must_use]
    pub(crate) fn fixed_by(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    /// A problem if `value` reaches a limit; the first limit is the more severe one.
    pub(crate) fn at_limit(
        value: f64,
        limits: [(f64, Verdict); 2],
        object: impl Into<String>,
        problem: impl Into<String>,
    ) -> Option<Self> {
        let (_, verdict) = limits.into_iter().find(|(limit, _)| value >= *limit)?;
        Some(Self { verdict, ..Self::warn(object, problem) })
    }
}
