//! Places of backups: rotation, the limit of their size, and buckets.

use super::{Ops, clients_are_installed, entries, filled};
use crate::migration::snapshot::{assert_same, rows};
use std::fs;
use std::path::PathBuf;
use tests::{SqliteFile, connect, empty};

/// Copies of a backup, as of other days; their manifests are not read.
fn backups_of(ops: &Ops, days: &[&str]) {
    let backup = ops.back_up();
    let name = backup.file_name().unwrap().to_str().unwrap();
    let (database, _) = name.rsplit_once('-').unwrap();
    for day in days {
        let copy = backup.with_file_name(format!("{database}-{day}T030000000Z"));
        fs::create_dir(&copy).unwrap();
        for file in ["manifest.json", "database.sqlite"] {
            fs::copy(backup.join(file), copy.join(file)).unwrap();
        }
    }
    fs::remove_dir_all(backup).unwrap();
}

/// The days of the backups of `test.db`.
fn days(ops: &Ops) -> Vec<String> {
    let names = ops.backups().into_iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    names.filter_map(|name| Some(name.strip_prefix("test-")?[..8].to_owned())).collect()
}

#[tokio::test]
async fn rotation_removes_what_is_not_kept_and_nothing_of_another_database() {
    let file = SqliteFile::migrated().await;
    let ops = Ops::on(&file.url());
    backups_of(&ops, &["20240101", "20240102", "20240108", "20240109"]);
    let other = ops.path("backups/other-20230101T000000000Z");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("manifest.json"), "{}").unwrap();
    fs::write(ops.path("backups/notes.txt"), "not a backup").unwrap();

    let kept = ops.run("backup --to backups --keep 2d,3w");
    kept.succeeds();
    assert_eq!(kept.stderr.matches("which is no longer kept").count(), 2, "{kept}");
    let found = days(&ops);
    assert_eq!(
        (&found[..2], found.len()),
        (&["20240102".to_owned(), "20240109".to_owned()][..], 3),
        "{found:?}"
    );
    assert!(other.exists());
    assert!(ops.path("backups/notes.txt").exists());
    ops.run("backup --to backups --keep 2x").is_misused(&["7d,4w,12m"]);
}

#[tokio::test]
async fn a_backup_over_the_limit_is_not_kept_and_removes_nothing() {
    let file = SqliteFile::migrated().await;
    let ops = Ops::on(&file.url());
    backups_of(&ops, &["20240101", "20240102"]);
    let before = entries(&ops.path("backups"));
    let size = fs::metadata(before[0].join("database.sqlite")).unwrap().len();
    let limit = size * 5 / 2;
    let refused = ops.run(&format!("backup --to backups --max-size {limit}"));
    refused.fails(&["was not kept", "--max-size is", "keep fewer with --keep"]);
    assert_eq!(entries(&ops.path("backups")), before);
    // What is no longer kept does not count.
    ops.run(&format!("backup --to backups --keep 2d --max-size {limit}")).succeeds();
    assert_eq!(ops.backups().len(), 2);
}

#[tokio::test]
async fn backups_of_two_databases_in_one_place_are_not_confused() {
    let (one, other) = (SqliteFile::migrated().await, SqliteFile::new());
    let ops = Ops::on(&one.url());
    ops.back_up();
    let second = format!("sqlite://{}", ops.path("second.db").display());
    tests::migrate(&format!("{second}?mode=rwc")).await;
    ops.run(&format!("backup --to backups --database-url {second}")).succeeds();
    ops.restore_to(&other.url()).fails(&["backups of several databases (second, test): name one"]);
    let named = ops.backups().remove(0);
    ops.run(&format!("restore {} --to {}", named.display(), other.url())).succeeds();
}

#[tokio::test]
async fn a_place_without_a_backup_is_named() {
    let ops = Ops::on("");
    let target = SqliteFile::new();
    ops.restore_to(&target.url()).fails(&["backups has no backup"]);
    let unfinished = ops.path("backups/test-20240101T000000000Z");
    fs::create_dir_all(&unfinished).unwrap();
    ops.restore_to(&target.url()).fails(&["has no backup (test-20240101T000000000Z without manifest.json"]);
    ops.run(&format!("restore s3x://b --to {}", target.url())).fails(&["neither a directory nor s3://"]);
    ops.run(&format!("restore s3://k:s3cret@b --to {}", target.url())).fails(&["AWS_SECRET_ACCESS_KEY"]);
    ops.run("backup --to backups").fails(&["voicesurvey.db does not exist"]);
}

/// A bucket has no `rename`: the client of the local file system stands in for that of S3.
#[tokio::test]
async fn a_bucket_holds_a_backup_only_with_its_manifest() {
    if !clients_are_installed() {
        return;
    }
    let source = filled("bucket").await;
    let ops = Ops::on(&source.url());
    let url = format!("file://{}", ops.path("bucket").display());
    fs::create_dir(ops.path("bucket")).unwrap();
    ops.run(&format!("backup --to {url}/nightly --keep 7d")).succeeds();
    ops.run(&format!("backup --to {url}/nightly --keep 7d")).succeeds();
    let backups = entries(&ops.path("bucket/nightly"));
    let whole = |path: &&PathBuf| path.join("manifest.json").exists();
    assert_eq!(backups.iter().filter(whole).count(), 1, "{backups:?}");

    // An upload that was interrupted is newer, and is not taken for a backup.
    let name = backups.iter().find(whole).unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let (database, _) = name.rsplit_once('-').unwrap();
    let interrupted = ops.path(&format!("bucket/nightly/{database}-29990101T000000000Z"));
    fs::create_dir(&interrupted).unwrap();
    fs::write(interrupted.join("toc.dat"), "x").unwrap();
    let target = empty("from_bucket");
    let restored = ops.run(&format!("restore {url}/nightly --to {}", target.url()));
    restored.succeeds();
    assert!(restored.stderr.contains("skipped"), "{restored}");
    let (db, copy) = (connect(&source.url()).await.unwrap(), connect(&target.url()).await.unwrap());
    assert_same(&rows(&db).await, &rows(&copy).await, "from the bucket");

    let backup = ops.path(&format!("bucket/nightly/{name}"));
    fs::write(backup.join("extra"), "x").unwrap();
    let again = empty("from_damaged_bucket");
    ops.run(&format!("restore {url}/nightly/{name} --to {}", again.url()))
        .fails(&["extra is not in its manifest"]);
    fs::remove_file(backup.join("extra")).unwrap();
    fs::remove_file(backup.join("dump/toc.dat")).unwrap();
    ops.run(&format!("restore {url}/nightly/{name} --to {}", again.url()))
        .fails(&["dump/toc.dat is missing"]);
    // Downloads are removed.
    let temporary =
        entries(&ops.path("")).into_iter().filter(|path| path.to_str().unwrap().contains(".ops-unfinished"));
    assert_eq!(temporary.count(), 0);
}
