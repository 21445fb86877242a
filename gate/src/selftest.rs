//! Violates every rule in a scratch copy, and checks that the rule finds it and no other rule does.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Rule};
use crate::run::check;
use crate::{Error, Subject};

/// Applies every change that violates a rule, one at a time, and returns a line for each with unexpected findings.
///
/// Findings of the unchanged subject are ignored.
///
/// # Errors
/// A change or a check fails.
pub async fn selftest(subject: &Subject, rules: &[Rule]) -> Result<Vec<String>, Error> {
    let mut before = Vec::new();
    for rule in rules {
        before.push(check(subject, rule).await?);
    }
    let mut failures = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let mut fail = |message: String| failures.push(format!("{}: {message}", rule.id));
        if rule.breaks.is_empty() {
            fail("has no change that breaks it".to_owned());
        }
        let compares = matches!(rule.check, Check::Comparison(_));
        for Break { by, finds } in rule.breaks {
            let changed = subject.with(by).await?;
            for (other_index, other) in rules.iter().enumerate() {
                let is_own = other_index == index;
                if !is_own && (compares || !concerns(other, by)) {
                    continue;
                }
                let found = check(&changed, other).await?;
                let new: Vec<&str> = found
                    .iter()
                    .filter(|finding| !before[other_index].contains(finding))
                    .map(|finding| finding.object.as_str())
                    .collect();
                if is_own && new != *finds {
                    fail(format!("finds {new:?} and not {finds:?} after {by:?}"));
                } else if !is_own && !new.is_empty() {
                    fail(format!("is not alone: {} finds {new:?} after {by:?}", other.id));
                }
            }
        }
    }
    Ok(failures)
}

/// Whether the rule checks what is changed, so that it should have no finding.
fn concerns(rule: &Rule, mutation: &Mutation) -> bool {
    match mutation {
        Mutation::Sql(_) => matches!(rule.check, Check::Catalogue(_)),
        Mutation::Replace { .. } => matches!(rule.check, Check::Sources(_)),
        Mutation::Emitted { .. } => matches!(rule.check, Check::Subject(_)),
        // It has no file, which other rules of migrations would report.
        Mutation::Added(_) | Mutation::Released(_) => false,
    }
}
