//! Checks rules, and leaves out what is excepted.

use crate::drift::live;
use crate::exceptions::Exceptions;
use crate::rule::{Check, Level, Rule};
use crate::rules::{self, database_matches_migrations, exceptions_current};
use crate::{Error, Finding, Subject, Workspace};
use sqlx::Row as _;

/// What one rule found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The rule.
    pub rule: &'static Rule,
    /// Its findings without those that are excepted.
    pub findings: Vec<Finding>,
    /// How many findings are excepted.
    pub excepted: usize,
}

impl Outcome {
    /// `pass`, `warn` or `fail`.
    pub(crate) fn verdict(&self) -> &'static str {
        match self.rule.level {
            _ if self.findings.is_empty() => "pass",
            Level::Warn => "warn",
            Level::Block => "fail",
        }
    }

    /// The fix of a finding; the rule's, unless the finding has its own.
    pub(crate) fn fix<'a>(&'a self, finding: &'a Finding) -> &'a str {
        finding.fix.as_deref().unwrap_or(self.rule.fix)
    }
}

/// Checks the rules, in their order.
///
/// Unused exceptions are reported only if all rules are checked.
///
/// # Errors
/// A check fails.
pub async fn run(subject: &Subject, selected: &[&'static Rule]) -> Result<Vec<Outcome>, Error> {
    let mut exceptions = Exceptions::read(subject.workspace())?;
    let mut outcomes = Vec::new();
    for &rule in selected {
        outcomes.push(outcome(&mut exceptions, rule, check(subject, rule).await?));
    }
    if selected.len() == rules::ALL.len()
        && let Some(outcome) =
            outcomes.iter_mut().find(|outcome| outcome.rule.id == exceptions_current::RULE.id)
    {
        outcome.findings.extend(exceptions.unused());
    }
    Ok(outcomes)
}

/// Compares a live database with its migrations. No other rule is checked: they are about a migrated database.
///
/// # Errors
/// The comparison fails.
pub async fn run_live(workspace: &Workspace, url: &str) -> Result<Vec<Outcome>, Error> {
    let found = live::compare(url).await?;
    Ok(vec![outcome(&mut Exceptions::read(workspace)?, &database_matches_migrations::RULE, found)])
}

fn outcome(exceptions: &mut Exceptions, rule: &'static Rule, found: Vec<Finding>) -> Outcome {
    let all = found.len();
    let findings: Vec<Finding> =
        found.into_iter().filter(|finding| !exceptions.allow(rule.id, &finding.object)).collect();
    Outcome { rule, excepted: all - findings.len(), findings }
}

/// The findings of a rule, those that are excepted included.
///
/// # Errors
/// The check fails.
pub async fn check(subject: &Subject, rule: &Rule) -> Result<Vec<Finding>, Error> {
    match rule.check {
        Check::Sources(look) => look(subject.workspace()),
        Check::Comparison(look) | Check::Subject(look) => look(subject).await,
        Check::Catalogue(query) => {
            let wrong = |source| Error::Rule { rule: rule.id, source };
            let rows = sqlx::query(query).fetch_all(subject.pool()).await.map_err(wrong)?;
            rows.iter()
                .map(|row| {
                    Ok(Finding {
                        object: row.try_get(0).map_err(wrong)?,
                        place: None,
                        problem: row.try_get(1).map_err(wrong)?,
                        fix: row.try_get(2).map_err(wrong)?,
                    })
                })
                .collect()
        }
    }
}
