//! A SQLite file.

use super::super::Ops;
use super::look;
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use tests::{SqliteFile, connect, run};

#[tokio::test]
async fn a_healthy_file_passes_and_the_checks_of_postgresql_say_that_they_do_not_apply() {
    let file = SqliteFile::migrated().await;
    let ops = Ops::on(&file.url());
    let before = fs::read(file.path()).unwrap();
    let exited = ops.run("doctor --deny-warnings");
    exited.succeeds();
    for line in [" pass     ledger ", " pass     sqlite_integrity ", " pass     outbox_backlog "] {
        assert!(exited.stdout.contains(line), "{line}: {exited}");
    }
    let lines = exited.stdout.lines().filter(|line| line.contains("does not apply to SQLite"));
    assert!(lines.count() > 20, "{exited}");
    assert_eq!(fs::read(file.path()).unwrap(), before, "nothing is changed");
}

#[tokio::test]
async fn a_file_that_does_not_exist_is_not_created() {
    let file = SqliteFile::new();
    Ops::on(&file.url()).run("doctor").fails(&["does not exist"]);
    assert!(!file.path().exists());
}

#[tokio::test]
async fn damaged_pages_missing_rows_and_another_journal_are_reported() {
    let file = SqliteFile::migrated().await;
    let ops = Ops::on(&file.url());
    let db = connect(&file.url()).await.unwrap();
    run(&db, "pragma foreign_keys = off").await.unwrap();
    run(&db, "create table parents (id integer primary key)").await.unwrap();
    run(&db, "create table children (parent_id integer references parents (id))").await.unwrap();
    look(&ops, "sqlite_foreign_keys", "").passes();
    run(&db, "insert into children values (1), (2)").await.unwrap();
    look(&ops, "sqlite_foreign_keys", "")
        .fails("the table children", "2 rows refer to missing rows of parents");
    look(&ops, "sqlite_journal_mode", "").passes();
    run(&db, "pragma journal_mode = delete").await.unwrap();
    look(&ops, "sqlite_journal_mode", "").warns("journal_mode", "it is delete");
    look(&ops, "sqlite_integrity", "").passes();
    run(&db, "create table wide as with recursive n (i) as (select 1 union all select i + 1 from n where i < 5000) \
              select i, hex(randomblob(40)) as filling from n")
        .await
        .unwrap();
    db.close().await.unwrap();
    let length = fs::metadata(file.path()).unwrap().len();
    let mut pages = File::options().write(true).open(file.path()).unwrap();
    pages.seek(SeekFrom::Start(length - 3 * 4096)).unwrap();
    pages.write_all(&[0xA5; 4096]).unwrap();
    look(&ops, "sqlite_integrity", "").fails("the file", "ops restore");
    run(&connect(&file.url()).await.unwrap(), "delete from seaql_migrations where version like '%snippets'")
        .await
        .unwrap();
    look(&ops, "ledger", "").fails("seaql_migrations", "1 migrations are pending");
}

#[tokio::test]
async fn an_old_unpublished_event_is_reported_on_sqlite_as_well() {
    let file = SqliteFile::migrated().await;
    let ops = Ops::on(&file.url());
    let db = connect(&file.url()).await.unwrap();
    crate::migration::snapshot::fill(&db).await;
    run(&db, "update events set published_at = null, created_at = '2026-01-01 00:00:00+00:00'")
        .await
        .unwrap();
    look(&ops, "outbox_backlog", "").fails("events", "the oldest unpublished one is");
}
