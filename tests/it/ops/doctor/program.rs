//! The program: its options, formats and exit codes.

use super::super::Ops;
use serde_json::Value;
use tests::{SECRET, connect, migrated, run};

#[tokio::test]
async fn the_report_states_each_check_in_every_format_and_the_exit_code_follows_it() {
    let database = migrated("doctor_formats").await;
    let ops = Ops::on(&database.url());
    let db = connect(&database.url()).await.unwrap();
    let some = "--only public_schema --only constraints_validated --only backup_age";
    ops.run(&format!("doctor --deny-warnings {some}")).succeeds();
    run(&db, "alter table contacts add constraint ck_new check (email <> 'x') not valid").await.unwrap();
    let warned = ops.run(&format!("doctor {some}"));
    warned.succeeds();
    assert!(warned.stdout.contains("\nwarn: constraints_validated ck_new on contacts: "), "{warned}");
    assert!(warned.stdout.contains("\n  fix: alter table contacts validate constraint ck_new\n"), "{warned}");
    assert!(warned.stdout.contains("\n3 checks: 1 pass, 1 warn, 0 fail, 1 skipped"), "{warned}");
    ops.run(&format!("doctor --deny-warnings {some}")).fails(&["needs attention", "constraints_validated"]);
    run(&db, "grant create on schema public to public").await.unwrap();
    let failed = ops.run(&format!("doctor {some}"));
    failed.fails(&["needs attention", "public_schema"]);
    assert!(!failed.stderr.contains("constraints_validated"), "a warning is not a failure: {failed}");

    let json = ops.run(&format!("doctor --format json {some}"));
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    let verdicts: Vec<&str> =
        report["checks"].as_array().unwrap().iter().map(|check| check["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["fail", "warn", "skipped"]);
    let github = ops.run(&format!("doctor --format github {some}"));
    for line in [
        "::error title=public_schema::",
        "::warning title=constraints_validated::",
        "::notice title=backup_age::",
    ] {
        assert!(github.stdout.contains(line), "{line}: {github}");
    }
    let sarif: Value =
        serde_json::from_str(&ops.run(&format!("doctor --format sarif {some}")).stdout).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 2, "{sarif}");
}

#[tokio::test]
async fn every_check_looks_at_a_migrated_database_and_none_fails() {
    let database = migrated("doctor_all").await;
    let ops = Ops::on(&database.url());
    let exited = ops.run("doctor --format json");
    let report: Value = serde_json::from_str(&exited.stdout).unwrap();
    for check in report["checks"].as_array().unwrap() {
        let is_expected = match check["check"].as_str().unwrap() {
            // They depend on the server that runs the tests, and on the other tests.
            "version"
            | "long_transactions"
            | "blocked_sessions"
            | "password_hashes"
            | "authentication_rules"
            | "customer_logins"
            | "customer_role"
            | "transaction_age"
            | "connections" => true,
            "backup_age" | "drill_age" | "slow_statements" => check["verdict"] == "skipped",
            "owner_role" => check["verdict"] == "warn",
            _ => check["verdict"] == "pass",
        };
        assert!(is_expected, "{check}");
    }
}

#[tokio::test]
async fn wrong_usage_is_exit_code_2_and_an_unreachable_database_exit_code_1_without_its_password() {
    let ops = Ops::on(&format!("postgres://u:{SECRET}@127.0.0.1:1/x"));
    for (arguments, text) in [
        ("doctor --only nothing", "docs/doctor.md lists them"),
        ("doctor --threshold nothing=1", "docs/doctor.md lists them"),
        ("doctor --threshold connections.warn=much", "not a number"),
        ("doctor --threshold backup_age.warn=1", "time unit"),
        ("doctor --format pdf", "possible values"),
    ] {
        ops.run(arguments).is_misused(&[text]);
    }
    ops.run("doctor").fails(&["cannot be reached", "PostgreSQL database \"x\""]);
    ops.run("doctor --database mysql://x").fails(&["--database is neither postgres"]);
}
