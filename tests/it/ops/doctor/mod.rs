//! The doctor: each check passes on a healthy database, and finds the fault that it is for.

mod activity;
mod audit;
mod authentication;
mod backups;
mod indexes;
mod maintenance;
mod program;
mod replication;
mod roles;
mod schema;
mod server;
mod sqlite;
mod statements;

use super::Ops;
use serde_json::Value;

/// The result of a check.
#[derive(Debug)]
struct Looked {
    verdict: String,
    summary: String,
    grant: Option<String>,
    /// Object, problem and fix of each finding.
    findings: Vec<[String; 3]>,
}

/// Runs one check, with more options, and compares the exit code with its result.
fn look(ops: &Ops, check: &str, options: &str) -> Looked {
    let exited = ops.run(&format!("doctor --format json --only {check} {options}"));
    let report: Value =
        serde_json::from_str(&exited.stdout).unwrap_or_else(|error| panic!("{check}: {error}: {exited}"));
    let [found] = report["checks"].as_array().unwrap().as_slice() else { panic!("one check: {report}") };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let looked = Looked {
        verdict: text(&found["verdict"]),
        summary: text(&found["summary"]),
        grant: found["grant"].as_str().map(ToOwned::to_owned),
        findings: found["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| [&finding["object"], &finding["problem"], &finding["fix"]].map(text))
            .collect(),
    };
    assert_eq!(found["check"], check);
    if looked.verdict == "fail" {
        exited.fails(&["needs attention", check]);
    } else {
        exited.succeeds();
    }
    looked
}

impl Looked {
    /// Asserts that nothing was found.
    fn passes(&self) -> &Self {
        assert_eq!((self.verdict.as_str(), self.findings.len()), ("pass", 0), "{self:?}");
        self
    }

    /// Asserts a warning about `object` whose problem or fix contains `text`.
    fn warns(&self, object: &str, text: &str) -> &Self {
        self.finds("warn", object, text)
    }

    /// Asserts a failure about `object` whose problem or fix contains `text`.
    fn fails(&self, object: &str, text: &str) -> &Self {
        self.finds("fail", object, text)
    }

    /// Asserts that the check was skipped, for a reason and with a fix that contain these texts.
    fn is_skipped(&self, reason: &str, grant: &str) -> &Self {
        assert_eq!(self.verdict, "skipped", "{self:?}");
        assert!(self.summary.contains(reason), "{self:?}");
        assert!(self.grant.as_deref().unwrap_or_default().contains(grant), "{self:?}");
        self
    }

    fn finds(&self, verdict: &str, object: &str, text: &str) -> &Self {
        assert_eq!(self.verdict, verdict, "{self:?}");
        let is_it = |[found, problem, fix]: &[String; 3]| {
            found.contains(object) && (problem.contains(text) || fix.contains(text)) && !fix.is_empty()
        };
        assert!(self.findings.iter().any(is_it), "{object}: {text}: {self:?}");
        self
    }
}
