//! What the rules found, in the form that its reader wants.

mod github;
mod json;
mod sarif;
mod table;

use crate::rule::Level;
use crate::run::Outcome;
use clap::ValueEnum;

/// Who reads the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A person.
    #[default]
    Table,
    /// A program.
    Json,
    /// A code scanner: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.
    Sarif,
    /// GitHub's runner, which shows the findings in the change.
    Github,
}

/// The report, with a line feed at its end.
#[must_use]
pub fn render(format: Format, outcomes: &[Outcome]) -> String {
    match format {
        Format::Table => table::render(outcomes),
        Format::Json => json::render(outcomes),
        Format::Sarif => sarif::render(outcomes),
        Format::Github => github::render(outcomes),
    }
}

/// What became of a rule.
fn verdict(outcome: &Outcome) -> &'static str {
    match outcome.rule.level {
        _ if outcome.findings.is_empty() => "pass",
        Level::Warn => "warn",
        Level::Block => "fail",
    }
}

/// What to do about a finding.
fn fix<'a>(outcome: &'a Outcome, finding: &'a crate::Finding) -> &'a str {
    finding.fix.as_deref().unwrap_or(outcome.rule.fix)
}
