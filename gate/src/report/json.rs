//! For a program: every rule with its verdict and findings.

use crate::run::Outcome;
use serde_json::json;

pub(super) fn render(outcomes: &[Outcome]) -> String {
    let rules: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            let findings: Vec<_> = outcome
                .findings
                .iter()
                .map(|finding| {
                    json!({
                        "object": finding.object,
                        "file": finding.place.as_ref().map(|place| &place.file),
                        "line": finding.place.as_ref().map(|place| place.line),
                        "problem": finding.problem,
                        "fix": outcome.fix(finding),
                    })
                })
                .collect();
            json!({
                "rule": outcome.rule.id,
                "verdict": outcome.verdict(),
                "requires": outcome.rule.requires,
                "why": outcome.rule.why,
                "source": outcome.rule.source,
                "excepted": outcome.excepted,
                "findings": findings,
            })
        })
        .collect();
    format!("{:#}\n", json!({ "rules": rules }))
}
