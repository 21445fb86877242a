//! Asks every rule, and takes out what is excepted.

use crate::rule::{Check, Rule};
use crate::rules::{self, exceptions_current};
use crate::{Error, Exceptions, Finding, Subject};
use sqlx::Row as _;

/// What one rule found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The rule.
    pub rule: &'static Rule,
    /// Its findings, those that are excepted aside.
    pub findings: Vec<Finding>,
    /// How many findings are excepted.
    pub excepted: usize,
}

/// Asks the rules, in their order.
///
/// Which exceptions are needed is judged only where all rules are asked.
///
/// # Errors
/// A rule cannot be asked.
pub async fn run(subject: &Subject, asked: &[&'static Rule]) -> Result<Vec<Outcome>, Error> {
    let mut exceptions = Exceptions::read(subject.workspace())?;
    let mut outcomes = Vec::new();
    for &rule in asked {
        let found = ask(subject, rule).await?;
        let all = found.len();
        let findings: Vec<Finding> =
            found.into_iter().filter(|finding| !exceptions.allow(rule.id, &finding.object)).collect();
        let excepted = all - findings.len();
        outcomes.push(Outcome { rule, findings, excepted });
    }
    if asked.len() == rules::ALL.len()
        && let Some(outcome) =
            outcomes.iter_mut().find(|outcome| outcome.rule.id == exceptions_current::RULE.id)
    {
        outcome.findings.extend(exceptions.unused());
    }
    Ok(outcomes)
}

/// What a rule finds, exceptions not counted.
///
/// # Errors
/// It cannot be asked.
pub async fn ask(subject: &Subject, rule: &Rule) -> Result<Vec<Finding>, Error> {
    match rule.check {
        Check::Sources(look) => look(subject.workspace()),
        Check::Subject(look) => look(subject).await,
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
