//! For a code scanner: SARIF 2.1.0.

use super::{cure, verdict};
use crate::rule::Level;
use crate::run::Outcome;
use serde_json::{Value, json};

pub(super) fn render(outcomes: &[Outcome]) -> String {
    let rules: Vec<Value> = outcomes
        .iter()
        .map(|outcome| {
            let rule = outcome.rule;
            json!({
                "id": rule.id,
                "shortDescription": { "text": rule.says },
                "fullDescription": { "text": rule.harm },
                "help": { "text": rule.cure },
                "defaultConfiguration": {
                    "level": if rule.level == Level::Block { "error" } else { "warning" }
                },
            })
        })
        .collect();
    let mut results = Vec::new();
    for (index, outcome) in outcomes.iter().enumerate() {
        for finding in &outcome.findings {
            let mut location = json!({ "logicalLocations": [{ "fullyQualifiedName": finding.object }] });
            if let Some(place) = &finding.place {
                location["physicalLocation"] = json!({
                    "artifactLocation": { "uri": place.file, "uriBaseId": "%SRCROOT%" },
                    "region": { "startLine": place.line.max(1) },
                });
            }
            results.push(json!({
                "ruleId": outcome.rule.id,
                "ruleIndex": index,
                "level": if verdict(outcome) == "fail" { "error" } else { "warning" },
                "message": { "text": format!("{}: {}. {}", finding.object, finding.problem, cure(outcome, finding)) },
                "locations": [location],
            }));
        }
    }
    let report = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": env!("CARGO_PKG_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "results": results,
        }],
    });
    format!("{report:#}\n")
}
