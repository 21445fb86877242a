//! For a code scanner: SARIF 2.1.0.

use crate::docs::schema_sql;
use crate::rule::Level;
use crate::run::Outcome;
use serde_json::{Value, json};
use std::env;

pub(super) fn render(outcomes: &[Outcome]) -> String {
    let base = base(|name| env::var(name).ok());
    let rules: Vec<Value> = outcomes
        .iter()
        .map(|outcome| {
            let rule = outcome.rule;
            let mut described = json!({
                "id": rule.id,
                "shortDescription": { "text": rule.requires },
                "fullDescription": { "text": rule.why },
                "help": { "text": format!("{} See {}.", rule.fix, rule.source) },
                "defaultConfiguration": {
                    "level": if rule.level == Level::Block { "error" } else { "warning" }
                },
            });
            if let Some(base) = &base {
                described["helpUri"] = format!("{base}/{}", rule.source).into();
            }
            described
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

/// Where GitHub shows the files of the checked commit; a `helpUri` has to be absolute, so elsewhere there is none.
fn base(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let [server, repository, commit] = ["GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_SHA"].map(variable);
    Some(format!("{}/{}/blob/{}", server?, repository?, commit?))
}

#[cfg(test)]
mod tests {
    use super::{base, render};
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
        let help = &report["runs"][0]["tool"]["driver"]["rules"][0]["help"]["text"];
        assert!(help.as_str().unwrap().ends_with("See docs/conventions.md#integer-columns."), "{help}");
    }

    #[test]
    fn a_rule_links_to_its_convention_on_github() {
        let on_github = |name: &str| Some(name.strip_prefix("GITHUB_")?.to_lowercase());
        assert_eq!(base(on_github).as_deref(), Some("server_url/repository/blob/sha"));
        assert_eq!(base(|_| None), None);
    }
}
