//! `gate/exceptions.yaml`: accepted findings, each with a reason and an expiry date.

use crate::{Error, Finding, Workspace};
use chrono::NaiveDate;
use serde::Deserialize;
use serde_saphyr::Spanned;

/// The file.
pub(crate) const FILE: &str = "gate/exceptions.yaml";

/// The exceptions, and whether each was needed.
#[derive(Debug, Default)]
pub(crate) struct Exceptions {
    entries: Vec<(Spanned<Entry>, bool)>,
    /// The rules by the names of their files.
    rules: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    rule: String,
    object: String,
    reason: String,
    expires: NaiveDate,
}

impl Exceptions {
    /// Reads the file. Without a file there are no exceptions.
    pub(crate) fn read(workspace: &Workspace) -> Result<Self, Error> {
        let Some(text) = workspace.read_if_there(FILE)? else { return Ok(Self::default()) };
        let entries: Option<Vec<Spanned<Entry>>> = serde_saphyr::from_str(&text)
            .map_err(|error| Error::Source { path: workspace.path(FILE), reason: error.to_string() })?;
        let entries = entries.unwrap_or_default().into_iter().map(|entry| (entry, false)).collect();
        let rules = workspace.files_in("gate/src/rules")?;
        Ok(Self { entries, rules })
    }

    /// Whether the finding is accepted. An expired exception still counts; it is a finding of its own.
    pub(crate) fn allow(&mut self, rule: &str, object: &str) -> bool {
        let entry = self
            .entries
            .iter_mut()
            .find(|(entry, _)| entry.value.rule == rule && entry.value.object == object);
        entry.map(|(_, used)| *used = true).is_some()
    }

    /// Returns a finding for each invalid or expired exception.
    pub(crate) fn defects(&self, today: NaiveDate) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (entry, _) in &self.entries {
            let Entry { rule, reason, expires, .. } = &entry.value;
            if !self.knows(rule) {
                findings.push(finding(entry, format!("there is no rule {rule}")));
            }
            if *expires < today {
                findings.push(finding(entry, format!("the exception expired on {expires}")));
            }
            if reason.trim().len() < 20 {
                findings.push(finding(entry, "the reason is shorter than 20 characters".to_owned()));
            }
        }
        findings
    }

    /// Returns a finding for each exception of a known rule that no call of [`Exceptions::allow`] matched.
    pub(crate) fn unused(&self) -> Vec<Finding> {
        self.entries
            .iter()
            .filter(|(entry, used)| !used && self.knows(&entry.value.rule))
            .map(|(entry, _)| finding(entry, "the exception is not needed".to_owned()))
            .collect()
    }

    fn knows(&self, rule: &str) -> bool {
        self.rules.contains(&format!("gate/src/rules/{rule}.rs"))
    }
}

fn finding(entry: &Spanned<Entry>, problem: String) -> Finding {
    let line = usize::try_from(entry.referenced.line()).unwrap_or_default();
    Finding::at(FILE, line, problem).about(format!("{} of {}", entry.value.rule, entry.value.object))
}
