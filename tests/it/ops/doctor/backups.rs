//! Backups, drills, and the archive of the WAL.

use super::super::damage::{forge, truncate};
use super::super::{Ops, entries};
use super::look;
use serde_json::json;
use std::fs;
use std::time::{Duration, Instant};
use tests::{SqliteFile, connect, private_server, run, texts};
use tokio::time::sleep;

#[tokio::test]
async fn a_backup_that_is_missing_old_or_damaged_is_reported() {
    let source = SqliteFile::migrated().await;
    let ops = Ops::on(&source.url());
    look(&ops, "backup_age", "").is_skipped("no place", "--backups PLACE");
    look(&ops, "backup_age", "--backups backups").fails("backups", "has no backup of the database test");
    let backup = ops.back_up();
    look(&ops, "backup_age", "--backups backups").passes();
    let name = backup.file_name().unwrap().to_str().unwrap().to_owned();
    let hours_ago = |hours| json!(chrono_text(hours));
    forge(&backup, |m| m["taken_at"] = hours_ago(30));
    look(&ops, "backup_age", "--backups backups").warns(&name, "it is 29h old");
    forge(&backup, |m| m["taken_at"] = hours_ago(50));
    look(&ops, "backup_age", "--backups backups").fails(&name, "ops backup --to");
    look(&ops, "backup_age", "--backups backups --threshold backup_age.fail=3days").warns(&name, "2days");
    forge(&backup, |m| m["taken_at"] = json!("2999-01-01T00:00:00Z"));
    look(&ops, "backup_age", "--backups backups").fails(&name, "in the future");
    truncate(&backup.join("manifest.json"));
    look(&ops, "backup_age", "--backups backups").fails("backups", "manifest.json cannot be read");
    fs::remove_file(backup.join("manifest.json")).unwrap();
    look(&ops, "backup_age", "--backups backups").fails("backups", "has no backup");
    // Another database's backups in the same place do not count.
    let other = Ops::on(&source.url().replace("test.db", "other.db"));
    fs::copy(source.path(), source.path().with_file_name("other.db")).unwrap();
    let place = ops.path("backups");
    other.run(&format!("backup --to {}", place.display())).succeeds();
    look(&ops, "backup_age", "--backups backups").fails("backups", "has no backup of the database test");
}

/// The time so many hours ago and a minute less, in RFC 3339.
fn chrono_text(hours: i64) -> String {
    let at = std::time::SystemTime::now() - Duration::from_secs(u64::try_from(hours).unwrap() * 3600 - 60);
    sea_orm::prelude::DateTimeUtc::from(at).to_rfc3339()
}

#[tokio::test]
async fn an_interrupted_backup_that_is_newer_is_reported() {
    let source = SqliteFile::migrated().await;
    let ops = Ops::on(&source.url());
    let backup = ops.back_up();
    forge(&backup, |m| {
        m["name"] = json!("test-20260101T000000000Z");
        m["taken_at"] = json!("2026-01-01T00:00:00Z");
    });
    fs::rename(&backup, backup.with_file_name("test-20260101T000000000Z")).unwrap();
    fs::create_dir(backup.with_file_name("test-20260102T000000000Z")).unwrap();
    let year = "--backups backups --threshold backup_age.fail=9000days --threshold backup_age.warn=9000days";
    look(&ops, "backup_age", year).warns("backups", "1 newer backups were interrupted");
}

#[tokio::test]
async fn a_drill_that_is_missing_failed_or_old_is_reported() {
    let source = SqliteFile::migrated().await;
    let ops = Ops::on(&source.url());
    look(&ops, "drill_age", "").is_skipped("no report", "--drill FILE");
    look(&ops, "drill_age", "--drill reports").fails("reports", "No such file");
    ops.back_up();
    ops.run("drill backups --report reports").succeeds();
    let looked = look(&ops, "drill_age", "--drill reports");
    looked.passes();
    assert!(looked.summary.contains("recovery in"), "{looked:?}");
    let reports = entries(&ops.path("reports"));
    let report = reports.iter().find(|file| file.extension().unwrap() == "json").unwrap();
    let named = format!("--drill {}", report.display());
    look(&ops, "drill_age", &named).passes();
    look(&ops, "drill_age", &format!("{named} --threshold drill_age.warn=0s")).warns("drill-", "ops drill");
    look(&ops, "drill_age", &format!("{named} --threshold drill_age.fail=0s"))
        .fails("drill-", "the last drill was");
    let failed = json!({
        "passed": false, "findings": ["too old"], "drilled_at": "2999-01-01T00:00:00Z", "recovery_seconds": 1.5
    });
    fs::write(ops.path("reports/drill-29990101T000000Z.json"), failed.to_string()).unwrap();
    look(&ops, "drill_age", "--drill reports").fails("drill-2999", "the drill failed: too old");
    fs::write(report, "{}").unwrap();
    look(&ops, "drill_age", &named).fails("drill-", "not the report of a drill");
}

#[tokio::test]
async fn an_archive_command_that_fails_is_reported_until_it_succeeds() {
    let settings = [("archive_mode", "on"), ("archive_command", "")];
    let Some(server) = private_server::start_with(false, &settings[..1], "WAL archiving") else { return };
    let url = server.url("postgres");
    let ops = Ops::on(&url);
    look(&ops, "wal_archiving", "").passes();
    let db = connect(&url).await.unwrap();
    for (command, column) in [("/bin/false", "failed_count"), ("/bin/true", "archived_count")] {
        run(&db, &format!("alter system set archive_command = '{command}'")).await.unwrap();
        run(&db, "select pg_reload_conf()").await.unwrap();
        run(&db, "create table written (); drop table written").await.unwrap();
        run(&db, "select pg_switch_wal()").await.unwrap();
        let sql = format!(
            "select 'done' from pg_stat_archiver where {column} > 0 \
             and (last_failed_time > last_archived_time) is not true = ('{column}' = 'archived_count' or \
                 last_archived_time is null)"
        );
        let started = Instant::now();
        while texts(&db, &sql).await.is_empty() {
            assert!(started.elapsed() < Duration::from_secs(90), "{command} is not run");
            sleep(Duration::from_millis(50)).await;
        }
        let looked = look(&ops, "wal_archiving", "");
        if command == "/bin/false" {
            looked.fails("the archiver", "archive_command")
        } else {
            looked.passes()
        };
    }
}
