//! Each violation of `hostile.sql` is found by exactly the rules that it lists. The gate finds each error that pgrls
//! reports, except those in `docs/decisions/pgrls.md`.

use crate::subject;
use gate::mutation::Mutation;
use gate::rule::Check;
use gate::rules;
use gate::run::check;
use gate::subject::migrate;
use scratch::Options;
use std::collections::BTreeSet;
use std::process::Command;

const HOSTILE: &str = include_str!("hostile.sql");

/// One violation.
pub(crate) struct Violation {
    /// Its number and title.
    title: &'static str,
    /// The rules that find it, each with the object.
    pub(crate) finds: BTreeSet<String>,
    /// The statements that create it.
    pub(crate) sql: &'static str,
}

pub(crate) fn violations() -> Vec<Violation> {
    let blocks = HOSTILE.split("\n\n-- ").skip(1);
    blocks
        .map(|block| {
            let (title, sql) = block.split_once('\n').unwrap();
            let finds = sql.lines().filter_map(|line| line.strip_prefix("-- finds: ")).map(ToOwned::to_owned);
            Violation { title, finds: finds.collect(), sql }
        })
        .collect()
}

#[tokio::test]
async fn each_violation_is_found_by_the_listed_rules_only() {
    let violations = violations();
    assert!(violations.len() >= 25);
    let subject = subject().await;
    let mut wrong = Vec::new();
    for (index, violation) in violations.iter().enumerate() {
        assert!(
            violation.title.starts_with(&format!("{:02} ", index + 1)),
            "{} is out of order",
            violation.title
        );
        assert!(!violation.finds.is_empty(), "{} lists no finding", violation.title);
        let changed = subject.with(&Mutation::Sql(violation.sql)).await;
        let changed = changed.unwrap_or_else(|error| panic!("{}: {error:?}", violation.title));
        let mut found = BTreeSet::new();
        for rule in rules::ALL.iter().filter(|rule| matches!(rule.check, Check::Catalogue(_))) {
            let findings = check(&changed, rule).await.unwrap();
            found.extend(findings.iter().map(|finding| format!("{} {}", rule.id, finding.object)));
        }
        for line in violation.finds.difference(&found) {
            wrong.push(format!("{}: - {line}", violation.title));
        }
        for line in found.difference(&violation.finds) {
            wrong.push(format!("{}: + {line}", violation.title));
        }
    }
    assert!(wrong.is_empty(), "- is not found, + is found in addition\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn pgrls_finds_no_error_that_the_gate_does_not() {
    let pgrls = std::env::var_os("PGRLS").unwrap_or_else(|| "pgrls".into());
    if Command::new(&pgrls).arg("--version").output().is_err() {
        eprintln!("not compared: there is no pgrls; `pip install pgrls`, or name it by PGRLS");
        return;
    }
    // Roles belong to the server, so the test has a server of its own.
    let mut options = Options::from_environment();
    options.admin_url = None;
    let server = options.start().unwrap();
    let database = server.create_database("hostile").unwrap();
    migrate(&database).await.unwrap();
    let errors = |schemas| {
        let mut lint = Command::new(&pgrls);
        lint.args(["lint", "--format", "json", "--min-severity", "error", "--schemas", schemas]);
        let output = lint.args(["--database-url", &database.url()]).output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let violations = report["violations"].as_array().unwrap().iter();
        let found =
            violations.map(|one| (text(&one["rule_id"]), text(&one["location"]).replace("public.", "")));
        // Accepted in docs/decisions/pgrls.md.
        let is_explained = |(rule, object): &(String, String)| {
            rule == "SEC002" || (rule == "SEC001" && object == "seaql_migrations")
        };
        found.filter(|error| !is_explained(error)).collect::<Vec<_>>()
    };
    assert_eq!(errors("public"), [], "on the migrated database");

    let pool = sqlx::PgPool::connect(&database.url()).await.unwrap();
    sqlx::raw_sql(HOSTILE).execute(&pool).await.unwrap();
    let errors = errors("public,hidden,hidden_too");
    assert!(errors.len() >= 10, "pgrls finds {errors:?}");
    let found: BTreeSet<String> = violations().into_iter().flat_map(|violation| violation.finds).collect();
    let more: Vec<_> = errors
        .iter()
        .filter(|(_, object)| {
            // pgrls names a function without its arguments.
            !found.iter().any(|line| line.split([' ', '(']).nth(1) == Some(object))
        })
        .collect();
    assert!(more.is_empty(), "pgrls finds errors that the gate does not: {more:?}");
}
