//! The drill: it passes for a backup that can replace its database, and gives the reason for one that cannot.

use super::damage::{data, forge, truncate};
use super::{Ops, clients_are_installed, entries, filled};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};
use tests::{SqliteFile, connect, empty, run};
use tokio::time::sleep;

/// The report of the only drill.
fn report(ops: &Ops) -> (Value, String) {
    let files = entries(&ops.path("reports"));
    let [json, markdown] = files.as_slice() else { panic!("{files:?}") };
    let text = (serde_json::from_str(&fs::read_to_string(json).unwrap()), fs::read_to_string(markdown));
    fs::remove_dir_all(ops.path("reports")).unwrap();
    (text.0.unwrap(), text.1.unwrap())
}

#[tokio::test]
async fn a_drill_reports_recovery_time_and_age_and_leaves_nothing_but_its_report() {
    if !clients_are_installed() {
        return;
    }
    let source = filled("drilled").await;
    let ops = Ops::on(&source.url());
    ops.back_up();
    let before = entries(&ops.path(""));
    let passed = ops.run("drill backups --report reports");
    passed.succeeds();
    assert!(passed.stdout.contains("equal to its manifest and to the migrations"), "{passed}");
    let (json, markdown) = report(&ops);
    assert_eq!((&json["passed"], &json["findings"]), (&json!(true), &json!([])), "{json}");
    assert!(json["age_seconds"].as_u64().unwrap() < 300, "{json}");
    let steps = json["steps"].as_array().unwrap();
    let seconds: f64 = steps[..2].iter().map(|step| step["seconds"].as_f64().unwrap()).sum();
    assert!((json["recovery_seconds"].as_f64().unwrap() - seconds).abs() < 0.001, "{json}");
    assert!(json["rows"].as_u64().unwrap() > 30, "{json}");
    for text in [": passed", "recovery time", "age of the data", "| restored on | PostgreSQL "] {
        assert!(markdown.contains(text), "{markdown}");
    }
    // The private server's directory is removed by the process that outlives the program.
    let ended = Instant::now();
    while entries(&ops.path("")) != before && ended.elapsed() < Duration::from_secs(30) {
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(entries(&ops.path("")), before);
}

#[tokio::test]
async fn a_backup_that_cannot_replace_its_database_fails_with_the_reason() {
    if !clients_are_installed() {
        return;
    }
    let source = filled("undrilled").await;
    let ops = Ops::on(&source.url());
    let backup = ops.back_up();
    let fails = |finding: &str| {
        let failed = ops.run("drill backups --report reports");
        failed.fails(&["the drill failed, see reports/drill-", finding]);
        let (json, markdown) = report(&ops);
        assert_eq!(json["passed"], json!(false));
        assert!(json["findings"].to_string().contains(finding), "{json}");
        assert!(markdown.contains("FAILED") && markdown.contains(finding), "{markdown}");
    };
    let manifest = fs::read(backup.join("manifest.json")).unwrap();
    let intact = || fs::write(backup.join("manifest.json"), &manifest).unwrap();

    forge(&backup, |m| m["taken_at"] = json!("2020-01-01T00:00:00Z"));
    fails("the backup is too old: ");
    forge(&backup, |m| m["taken_at"] = json!("2999-01-01T00:00:00Z"));
    fails("the backup is of the future");
    intact();
    forge(&backup, |m| m["tables"][2]["rows"] = json!(1_000_000));
    fails("rows instead of 1000000");
    forge(&backup, |m| m["server_major"] = json!(99));
    fails("PostgreSQL 99 or newer is required");
    intact();
    let file = data(&backup);
    let bytes = fs::read(&file).unwrap();
    truncate(&file);
    fails("bytes instead of");
    fs::write(&file, bytes).unwrap();

    let db = connect(&source.url()).await.unwrap();
    run(&db, "drop index ix_contacts_phone").await.unwrap();
    ops.back_up();
    fails("gate: index ix_contacts_phone on contacts");
    run(&db, "delete from seaql_migrations where version like '%transcript_snippets'").await.unwrap();
    ops.back_up();
    fails("is behind by 1 of ");
    fs::remove_dir_all(ops.path("backups")).unwrap();
    fails("backups has no backup");
}

#[tokio::test]
async fn a_backup_of_another_product_fails() {
    if !clients_are_installed() {
        return;
    }
    let foreign = empty("foreign");
    let db = connect(&foreign.url()).await.unwrap();
    run(&db, "create table orders as select 1 as number").await.unwrap();
    let ops = Ops::on(&foreign.url());
    ops.back_up();
    ops.run("drill backups --report reports").fails(&["without migrations of this product"]);
    run(&db, "create table seaql_migrations as select 'm20990101_000001_other' as version, 0 as applied_at")
        .await
        .unwrap();
    ops.back_up();
    ops.run("drill backups --report reports").fails(&["has migrations that this build does not know"]);
}

#[tokio::test]
async fn the_permitted_age_is_an_option_and_a_sqlite_file_is_drilled_as_well() {
    let file = SqliteFile::migrated().await;
    let ops = Ops::on(&file.url());
    let backup = ops.back_up();
    ops.run("drill backups --report reports").succeeds();
    let (json, _) = report(&ops);
    assert!(json["server"].as_str().unwrap().starts_with("SQLite 3."), "{json}");
    forge(&backup, |m| m["taken_at"] = json!(an_hour_ago()));
    ops.run("drill backups --report reports --max-age 70min").succeeds();
    report(&ops);
    ops.run("drill backups --report reports --max-age 50min").fails(&["too old: 1h", "--max-age is 50m"]);
    ops.run("drill backups --max-age soon").is_misused(&["--max-age"]);
}

/// The time an hour ago, as a manifest states it.
fn an_hour_ago() -> String {
    let now = sea_orm::prelude::ChronoUtc::now();
    (now - Duration::from_hours(1)).to_rfc3339()
}
