//! Each rule finds its violations, and the self-test fails for a rule that does not.

use crate::hostile::{self, Violation};
use crate::subject;
use gate::mutation::Mutation;
use gate::report::{Format, render};
use gate::rule::{Check, Rule};
use gate::rules;
use gate::run::{check, run};
use gate::selftest::selftest;
use sqlx::AssertSqlSafe;

#[tokio::test]
async fn this_workspace_violates_no_rule() {
    let asked: Vec<_> = rules::ALL.iter().collect();
    let outcomes = run(&subject().await, &asked).await.unwrap();
    assert_eq!(outcomes.len(), rules::ALL.len());
    let violated = outcomes.iter().any(|outcome| !outcome.findings.is_empty());
    assert!(!violated, "{}", render(Format::Table, &outcomes));
}

#[tokio::test]
async fn each_violation_is_found_by_its_rule_and_by_no_other() {
    assert_eq!(selftest(&subject().await, rules::ALL).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn the_sql_of_a_fix_removes_the_violation() {
    let subject = subject().await;
    let mut violations: Vec<(&Rule, &str)> = Vec::new();
    for rule in rules::ALL {
        violations.extend(rule.breaks.iter().filter_map(|it| match it.by {
            Mutation::Sql(sql) => Some((rule, sql)),
            _ => None,
        }));
    }
    // An inherited column, for one, cannot be renamed: only a violation of one rule has the fix of the rule.
    for Violation { finds, sql, .. } in hostile::violations().into_iter().filter(|it| it.finds.len() == 1) {
        let rule = finds.first().and_then(|found| rules::find(found.split(' ').next()?));
        violations.push((rule.unwrap(), sql));
    }
    let mut fixed = 0;
    for (rule, sql) in violations {
        let changed = subject.with(&Mutation::Sql(sql)).await.unwrap();
        for finding in check(&changed, rule).await.unwrap() {
            let Some(fix) = finding.fix.as_deref().filter(|fix| is_sql(fix)) else { continue };
            let done = sqlx::raw_sql(AssertSqlSafe(fix)).execute(changed.pool()).await;
            assert!(done.is_ok(), "{}: {fix}: {done:?}", rule.id);
            let left = check(&changed, rule).await.unwrap();
            assert!(!left.contains(&finding), "{}: after {fix}", rule.id);
            fixed += 1;
        }
    }
    assert!(fixed > 20, "{fixed}");
}

fn is_sql(fix: &str) -> bool {
    ["alter ", "comment ", "create ", "drop ", "grant ", "revoke "].iter().any(|verb| fix.starts_with(verb))
}

#[tokio::test]
async fn a_rule_that_finds_nothing_fails_the_self_test() {
    let subject = subject().await;
    for rule in rules::ALL {
        // Only this rule runs: missing its own violation has to be enough.
        let empty = match rule.check {
            Check::Catalogue(_) => Check::Catalogue("select ''::text, ''::text, ''::text where false"),
            Check::Sources(_) => Check::Sources(|_| Ok(Vec::new())),
            Check::Comparison(_) | Check::Subject(_) => {
                Check::Subject(|_| Box::pin(async { Ok(Vec::new()) }))
            }
        };
        let failures = selftest(&subject, &[Rule { check: empty, ..*rule }]).await.unwrap();
        assert_eq!(failures.len(), rule.breaks.len(), "{}", rule.id);
    }
}

#[tokio::test]
async fn a_violation_of_two_rules_and_a_rule_without_a_violation_fail_the_self_test() {
    let subject = subject().await;
    let rule = *rules::find("foreign_keys_indexed").unwrap();
    let twice = selftest(&subject, &[rule, rule]).await.unwrap();
    assert!(twice.iter().all(|failure| failure.contains("is not alone")), "{twice:?}");
    assert_eq!(twice.len(), 2 * rule.breaks.len());
    let untried = selftest(&subject, &[Rule { breaks: &[], ..rule }]).await.unwrap();
    assert_eq!(untried.len(), 1);
}
