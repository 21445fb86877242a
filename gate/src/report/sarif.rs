//! For a code scanner: SARIF 2.1.0.

use crate::docs::schema_sql;
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
                "shortDescription": { "text": rule.requires },
                "fullDescription": { "text": rule.why },
                "help": { "text": rule.fix },
                "defaultConfiguration": {
                    "level": if rule.level == Level::Block { "error" } else { "warning" }
                },
            })
        })
        .collect();
    let mut results = Vec::new();
    for (index, outcome) in outcomes.iter().enumerate() {
        for finding in &outcome.findings {
            // GitHub refuses a report in which one result has no place in a file.
            let (file, line) = finding
                .place
                .as_ref()
                .map_or((schema_sql::FILE, 1), |place| (&*place.file, place.line.max(1)));
            let location = json!({
                "physicalLocation": {
                    "artifactLocation": { "uri": file, "uriBaseId": "%SRCROOT%" },
                    "region": { "startLine": line },
                },
                "logicalLocations": [{ "fullyQualifiedName": finding.object }],
            });
            results.push(json!({
                "ruleId": outcome.rule.id,
                "ruleIndex": index,
                "level": if outcome.verdict() == "fail" { "error" } else { "warning" },
                "message": { "text": format!("{}: {}. {}", finding.object, finding.problem, outcome.fix(finding)) },
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

#[cfg(test)]
mod tests {
    use super::render;
    use crate::run::Outcome;
    use crate::{Finding, rules};
    use serde_json::Value;

    #[test]
    fn every_result_has_a_place_in_a_file() {
        let findings = vec![Finding::of("contacts", "x"), Finding::at("migration/src/lib.rs", 7, "x")];
        let report = render(&[Outcome { rule: &rules::ALL[0], findings, excepted: 0 }]);
        let report: Value = serde_json::from_str(&report).unwrap();
        let place = |index: usize| {
            let location = &report["runs"][0]["results"][index]["locations"][0];
            let physical = &location["physicalLocation"];
            (physical["artifactLocation"]["uri"].clone(), physical["region"]["startLine"].clone())
        };
        assert_eq!(place(0), ("migration/schema.sql".into(), 1.into()));
        assert_eq!(place(1), ("migration/src/lib.rs".into(), 7.into()));
    }
}
