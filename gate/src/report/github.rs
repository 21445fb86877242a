//! For GitHub's runner: one workflow command for each finding.
//!
//! <https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>

use crate::run::Outcome;
use std::fmt::Write as _;

pub(super) fn render(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        let command = if outcome.verdict() == "fail" { "error" } else { "warning" };
        for finding in &outcome.findings {
            let mut properties = String::new();
            if let Some(place) = &finding.place {
                // Writing to a string does not fail.
                let _ = write!(properties, "file={},line={},", property(&place.file), place.line);
            }
            let message = format!(
                "{}: {}. {} {} See {}.",
                finding.object,
                finding.problem,
                outcome.rule.why,
                outcome.fix(finding),
                outcome.rule.source
            );
            let _ = writeln!(
                text,
                "::{command} {properties}title={}::{}",
                property(outcome.rule.id),
                data(&message)
            );
        }
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
