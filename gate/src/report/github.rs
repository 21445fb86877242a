//! For GitHub's runner: one workflow command for each finding.
//!
//! <https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>

use crate::Place;
use crate::run::Outcome;

pub(super) fn render(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        let command = if outcome.verdict() == "fail" { "error" } else { "warning" };
        for finding in &outcome.findings {
            let message = format!(
                "{}: {}. {} {} See {}.",
                finding.object,
                finding.problem,
                outcome.rule.why,
                outcome.fix(finding),
                outcome.rule.source
            );
            text += &workflow_command(command, finding.place.as_ref(), outcome.rule.id, &message);
        }
    }
    text
}

/// A command, `error`, `warning` or `notice`, about a line of a file or none, with a line feed at its end.
#[must_use]
pub fn workflow_command(command: &str, place: Option<&Place>, title: &str, message: &str) -> String {
    let place =
        place.map(|place| format!("file={},line={},", property(&place.file), place.line)).unwrap_or_default();
    format!("::{command} {place}title={}::{}\n", property(title), data(message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
