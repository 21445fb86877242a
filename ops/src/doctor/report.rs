//! The report, in the formats of the gate.

use super::check::Outcome;
use super::finding::Verdict;
use comfy_table::{Table, presets};
use gate::report::{Format, workflow_command};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The report about a database, with a line feed at its end.
#[must_use]
pub fn render(format: Format, target: &str, outcomes: &[Outcome]) -> String {
    match format {
        Format::Table => table(target, outcomes),
        Format::Json => format!("{:#}\n", json(target, outcomes)),
        Format::Sarif => format!("{:#}\n", sarif(outcomes)),
        Format::Github => github(outcomes),
    }
}

fn table(target: &str, outcomes: &[Outcome]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for Outcome { check, verdict, summary, .. } in outcomes {
        table.add_row([&verdict.to_string(), check.id, summary]);
    }
    let mut text = format!("{target}\n\n{}\n", table.trim_fmt());
    for outcome in outcomes {
        for finding in &outcome.findings {
            // Writing to a string does not fail, here and below.
            let _ = write!(
                text,
                "\n{}: {} {}: {}\n  fix: {}\n",
                finding.verdict,
                outcome.check.id,
                finding.object,
                finding.problem,
                outcome.fix(finding)
            );
        }
        if let Some(grant) = &outcome.grant {
            let _ = write!(text, "\nskipped: {}: {}\n  fix: {grant}\n", outcome.check.id, outcome.summary);
        }
    }
    let count = |wanted| outcomes.iter().filter(|outcome| outcome.verdict == wanted).count();
    let _ = writeln!(
        text,
        "\n{} checks: {} pass, {} warn, {} fail, {} skipped",
        outcomes.len(),
        count(Verdict::Pass),
        count(Verdict::Warn),
        count(Verdict::Fail),
        count(Verdict::Skipped)
    );
    text
}

fn json(target: &str, outcomes: &[Outcome]) -> Value {
    let checks: Vec<Value> = outcomes
        .iter()
        .map(|outcome| {
            let findings: Vec<Value> = outcome
                .findings
                .iter()
                .map(|finding| {
                    json!({
                        "verdict": finding.verdict.to_string(),
                        "object": finding.object,
                        "problem": finding.problem,
                        "fix": outcome.fix(finding),
                    })
                })
                .collect();
            json!({
                "check": outcome.check.id,
                "verdict": outcome.verdict.to_string(),
                "summary": outcome.summary,
                "requires": outcome.check.requires,
                "source": outcome.check.source,
                "grant": outcome.grant,
                "findings": findings,
            })
        })
        .collect();
    json!({ "database": target, "checks": checks })
}

fn sarif(outcomes: &[Outcome]) -> Value {
    let rules: Vec<Value> = outcomes
        .iter()
        .map(|Outcome { check, .. }| {
            json!({
                "id": check.id,
                "shortDescription": { "text": check.requires },
                "help": { "text": check.fix },
                "helpUri": check.source,
            })
        })
        .collect();
    let mut results = Vec::new();
    for (index, outcome) in outcomes.iter().enumerate() {
        for finding in &outcome.findings {
            // Code scanners refuse a result without a file; the problem is in a database.
            let location = json!({
                "physicalLocation": {
                    "artifactLocation": { "uri": "docs/doctor.md", "uriBaseId": "%SRCROOT%" },
                    "region": { "startLine": 1 },
                },
                "logicalLocations": [{ "fullyQualifiedName": finding.object }],
            });
            let text = format!("{}: {}. {}", finding.object, finding.problem, outcome.fix(finding));
            results.push(json!({
                "ruleId": outcome.check.id,
                "ruleIndex": index,
                "level": if finding.verdict == Verdict::Fail { "error" } else { "warning" },
                "message": { "text": text },
                "locations": [location],
            }));
        }
    }
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "ops doctor",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "results": results,
        }],
    })
}

fn github(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        for finding in &outcome.findings {
            let command = if finding.verdict == Verdict::Fail { "error" } else { "warning" };
            let message = format!(
                "{}: {}. {}. See {}.",
                finding.object,
                finding.problem,
                outcome.fix(finding).trim_end_matches('.'),
                outcome.check.source
            );
            text += &workflow_command(command, None, outcome.check.id, &message);
        }
        if let Some(grant) = &outcome.grant {
            let message = format!("skipped: {}. {grant}", outcome.summary);
            text += &workflow_command("notice", None, outcome.check.id, &message);
        }
    }
    text
}
