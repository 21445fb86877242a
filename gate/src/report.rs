//! Reports of what the rules found.

mod github;
mod json;
mod sarif;
mod table;

pub use github::workflow_command;

use crate::run::Outcome;
use clap::ValueEnum;

/// The format of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
    /// For code scanners: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.
    Sarif,
    /// For GitHub's runner, which shows the findings in the change.
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
