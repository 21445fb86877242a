//! Breaks every rule in a scratch copy, and sees whether the rule, and no other, says so.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Rule};
use crate::run::ask;
use crate::{Error, Subject};

/// One break that was not seen as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The rule.
    pub rule: &'static str,
    /// What was found instead.
    pub message: String,
}

/// Makes every change that the rules say they notice, one at a time.
///
/// Rules are asked on a clean subject first: whatever they find there is not the change's.
///
/// # Errors
/// A change cannot be made, or a rule not asked.
pub async fn selftest(subject: &Subject, rules: &[Rule]) -> Result<Vec<Failure>, Error> {
    let mut before = Vec::new();
    for rule in rules {
        before.push(ask(subject, rule).await?);
    }
    let mut failures = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let mut fail = |message| failures.push(Failure { rule: rule.id, message });
        if rule.breaks.is_empty() {
            fail("has no change that breaks it".to_owned());
        }
        for Break { by, finds } in rule.breaks {
            let changed = subject.with(by).await?;
            for (other_index, other) in rules.iter().enumerate() {
                let is_own = other_index == index;
                if !is_own && (echoes(rule) || !concerns(other, by)) {
                    continue;
                }
                let found = ask(&changed, other).await?;
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

/// Whether a change could be a violation of this rule as well, and should not be one.
fn concerns(rule: &Rule, mutation: &Mutation) -> bool {
    !echoes(rule)
        && match mutation {
            Mutation::Sql(_) | Mutation::Uncommitted(_) => matches!(rule.check, Check::Catalogue(_)),
            Mutation::Replace { .. } => matches!(rule.check, Check::Sources(_)),
            Mutation::Emitted { .. } => rule.family == Family::Migrations,
        }
}

/// Whether the rule sees what others complain of, and breaks what they look at.
fn echoes(rule: &Rule) -> bool {
    matches!(rule.family, Family::Drift | Family::GeneratedFiles)
}
