//! Backups that are encrypted to public keys.

use super::{Ops, clients_are_installed, damage, entries, filled};
use scratch::Database;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::{SqliteFile, connect, empty, hexadecimal, texts};

/// Whether the programs of PostgreSQL and age are installed; reports if they are not, and fails in CI.
fn programs_are_installed() -> bool {
    let is_found = Command::new("age").arg("--version").output().is_ok();
    if !is_found {
        let missing = "NOT TESTED: encrypted backups: age is not in PATH";
        assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{missing}");
        eprintln!("{missing}");
    }
    is_found && clients_are_installed()
}

/// A new pair of keys: the file of the private key, and the public key.
fn keys(ops: &Ops, name: &str) -> (PathBuf, String) {
    let file = ops.path(name);
    let output = Command::new("age-keygen").arg("--output").arg(&file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(&file).unwrap();
    let public = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    (file, public.to_owned())
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let nested = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries(directory).into_iter().flat_map(nested).collect()
}

/// What `ops` has left in the temporary directory.
fn left_over(ops: &Ops) -> Vec<PathBuf> {
    let is_unfinished = |path: &PathBuf| path.to_str().unwrap().contains(".ops-unfinished");
    entries(&ops.path("")).into_iter().filter(is_unfinished).collect()
}

async fn numbers(database: &Database) -> Vec<String> {
    let db = connect(&database.url()).await.unwrap();
    texts(&db, "select phone_number from contacts order by 1").await
}

#[tokio::test]
async fn an_encrypted_backup_is_read_with_each_of_its_private_keys_and_no_other() {
    if !programs_are_installed() {
        return;
    }
    let source = filled("encrypted").await;
    let ops = Ops::on(&source.url());
    let ((one, first), (two, second), (other, _)) =
        (keys(&ops, "one.txt"), keys(&ops, "two.txt"), keys(&ops, "other.txt"));
    ops.run(&format!("backup --to backups --recipient {first} --recipient {second}")).succeeds();

    let backup = ops.backups().pop().unwrap();
    for file in files(&backup) {
        let bytes = fs::read(&file).unwrap();
        if file.ends_with("manifest.json") {
            let manifest = String::from_utf8(bytes).unwrap();
            assert!(manifest.contains(&first) && manifest.contains(&second), "{manifest}");
        } else {
            assert!(bytes.starts_with(b"age-encryption.org/v1\n"), "{}", file.display());
        }
    }
    assert_eq!(left_over(&ops), Vec::<PathBuf>::new());

    let target = empty("decrypted");
    ops.restore_to(&target.url()).fails(&["is encrypted to age1", "--identity FILE"]);
    let with = |file: &Path| format!("--identity {}", file.display());
    let wrong = ops.run(&format!("restore backups --to {} {}", target.url(), with(&other)));
    wrong.fails(&["cannot be decrypted with", "other.txt", "no identity matched", "is encrypted to age1"]);
    ops.run(&format!("restore backups --to {} {}", target.url(), with(&ops.path("missing"))))
        .fails(&["cannot be decrypted with", "missing"]);
    ops.run("drill backups --report reports").fails(&["is encrypted to age1"]);
    assert_eq!(left_over(&ops), Vec::<PathBuf>::new());

    ops.run(&format!("restore backups --to {} {}", target.url(), with(&one))).succeeds();
    assert_eq!(numbers(&target).await, numbers(&source).await);
    ops.run(&format!("drill backups --report reports {}", with(&two))).succeeds();
    assert_eq!(left_over(&ops), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn damage_to_an_encrypted_file_is_refused_even_with_a_checksum_that_matches() {
    if !programs_are_installed() {
        return;
    }
    let source = SqliteFile::migrated().await;
    let ops = Ops::on(&source.url());
    let (identity, recipient) = keys(&ops, "key.txt");
    // In a bucket, what is uploaded is encrypted; the directory of plaintexts is the one of downloads as well.
    fs::create_dir(ops.path("bucket")).unwrap();
    let bucket = format!("file://{}", ops.path("bucket").display());
    ops.run(&format!("backup --to {bucket} --recipient {recipient}")).succeeds();
    let target = SqliteFile::new();
    let restore = format!("restore {bucket} --to {} --identity {}", target.url(), identity.display());
    let backup = entries(&ops.path("bucket")).pop().unwrap();
    let file = backup.join("database.sqlite.age");
    let intact = fs::read(&file).unwrap();
    damage::flip(&file);
    ops.run(&restore).fails(&["database.sqlite.age is damaged"]);
    let digest = hexadecimal(&Sha256::digest(fs::read(&file).unwrap()));
    damage::forge(&backup, |m| m["files"][0]["sha256"] = json!(digest));
    ops.run(&restore).fails(&["cannot be decrypted with"]);
    assert!(!target.path().exists());

    fs::write(&file, &intact).unwrap();
    let digest = hexadecimal(&Sha256::digest(&intact));
    damage::forge(&backup, |m| m["files"][0]["sha256"] = json!(digest));
    ops.run(&restore).succeeds();
    assert_eq!(left_over(&ops), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_private_key_in_place_of_a_public_one_is_refused_and_not_printed() {
    let source = SqliteFile::migrated().await;
    let ops = Ops::on(&source.url());
    let refused = ops.run("backup --to backups --recipient AGE-SECRET-KEY-1S3CRET");
    refused.fails(&["--recipient is not a public key: age1"]);
    assert!(!refused.stderr.contains("S3CRET"), "{refused}");
}

#[tokio::test]
async fn a_backup_that_cannot_be_encrypted_leaves_nothing() {
    let source = SqliteFile::migrated().await;
    let ops = Ops::on(&source.url());
    if programs_are_installed() {
        ops.run("backup --to backups --recipient age1notakey").fails(&["age failed", "malformed recipient"]);
    }
    let without = Ops::on(&source.url()).with("PATH", "/nonexistent");
    without.run("backup --to backups --recipient age1notakey").fails(&["age", "apt install age"]);
    for ops in [&ops, &without] {
        assert_eq!(ops.backups(), Vec::<PathBuf>::new());
        assert_eq!(left_over(ops), Vec::<PathBuf>::new());
    }
}
