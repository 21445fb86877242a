//! A check: its id, what it requires and reads, its limits, the fix, and the function that looks.

use super::finding::{Engines, Finding, Found, Looked, Verdict};
use super::subject::Subject;
use super::threshold::Threshold;
use std::pin::Pin;

/// A check of a database or its server.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Its name in snake case.
    pub id: &'static str,
    /// The databases that it applies to.
    pub engines: Engines,
    /// The requirement as one sentence.
    pub requires: &'static str,
    /// The views, settings and files that it reads.
    pub reads: &'static str,
    /// The statement that lets a login read them, without a full stop.
    pub grant: &'static str,
    /// Its limits.
    pub thresholds: &'static [Threshold],
    /// The fix; a finding may have a more specific one.
    pub fix: &'static str,
    /// The page that describes what is read and why it matters.
    pub source: &'static str,
    /// The function that looks.
    pub look: for<'a> fn(&'a mut Subject) -> Answer<'a>,
}

/// What a check found, asynchronously.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Looked> + 'a>>;

/// The result of one check.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The check.
    pub check: &'static Check,
    /// The most severe verdict of its findings.
    pub verdict: Verdict,
    /// What was seen, or why nothing was.
    pub summary: String,
    /// The problems, the most severe ones first.
    pub findings: Vec<Finding>,
    /// What makes a skipped check readable.
    pub grant: Option<String>,
}

impl Outcome {
    pub(crate) fn of(check: &'static Check, found: Found) -> Self {
        let Found { summary, mut findings } = found;
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
        let verdict = findings.first().map_or(Verdict::Pass, |finding| finding.verdict);
        Self { check, verdict, summary, findings, grant: None }
    }

    pub(crate) fn skipped(check: &'static Check, reason: String, grant: Option<String>) -> Self {
        Self { check, verdict: Verdict::Skipped, summary: reason, findings: Vec::new(), grant }
    }

    /// The fix of a finding.
    #[must_use]
    pub fn fix<'a>(&'a self, finding: &'a Finding) -> &'a str {
        finding.fix.as_deref().unwrap_or(self.check.fix)
    }
}
