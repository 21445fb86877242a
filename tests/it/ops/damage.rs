//! Damage to a backup or its manifest: each kind is refused by name, and the target stays empty.

use super::{Ops, clients_are_installed, entries, filled};
use crate::migration::snapshot::{assert_same, catalogue};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tests::{SqliteFile, connect, empty, hexadecimal};

/// A kind of damage: its name, how it is done to the directory of a backup, and words of the error.
struct Damage {
    name: &'static str,
    apply: fn(&Path),
    refusal: &'static [&'static str],
}

macro_rules! damage {
    ($($name:literal: $apply:expr => [$($word:literal),+];)+) => {
        [$(Damage { name: $name, apply: $apply, refusal: &[$($word),+] }),+]
    };
}

/// What happens to files without intent, and what a hand does to the manifest.
const DAMAGES: [Damage; 28] = damage! {
    "the manifest is missing": |b| fs::remove_file(manifest(b)).unwrap() => ["has no manifest.json"];
    "the manifest is empty": |b| fs::write(manifest(b), "").unwrap() => ["manifest.json cannot be read", "EOF"];
    "the manifest is truncated": |b| truncate(&manifest(b)) => ["manifest.json cannot be read", "EOF"];
    "the manifest is not JSON": |b| fs::write(manifest(b), "name: x\n").unwrap() => ["manifest.json cannot be read"];
    "the manifest is zeroed": |b| overwrite(&manifest(b), &[0; 64]) => ["manifest.json cannot be read"];
    "the manifest is another program's": |b| fs::write(manifest(b), "{\"name\": \"x\"}").unwrap() => ["is not that of a backup of this program"];
    "the format is newer": |b| edit_envelope(b, |all| all["format"] = json!(99)) => ["its format is 99", "reads up to 1"];
    "a count of the manifest is changed": |b| replace(&manifest(b), "\"rows\": 2", "\"rows\": 3") => ["manifest.json was changed"];
    "a space is added to the manifest": |b| replace(&manifest(b), "\"rows\": 2", "\"rows\":  2") => ["manifest.json was changed"];
    "the checksum of the manifest is changed": |b| edit_envelope(b, |all| all["sha256"] = json!("00")) => ["manifest.json was changed"];
    "the manifest is another backup's": |b| forge(b, |m| m["name"] = json!("x-20260101T000000000Z")) => ["is that of the backup x-20260101T000000000Z"];
    "the directory is renamed": |b| fs::rename(b, b.with_file_name("y-20260101T000000000Z")).unwrap() => ["manifest.json is that of the backup"];
    "a path leaves the backup": |b| forge(b, |m| m["files"][0]["path"] = json!("../../etc/passwd")) => ["not inside the backup"];
    "a path is absolute": |b| forge(b, |m| m["files"][0]["path"] = json!("/etc/passwd")) => ["not inside the backup"];
    "a file is listed twice": |b| forge(b, |m| m["files"][1] = m["files"][0].clone()) => ["twice"];
    "the table of contents is missing": |b| fs::remove_file(b.join("dump/toc.dat")).unwrap() => ["dump/toc.dat is missing"];
    "a data file is missing": |b| fs::remove_file(data(b)).unwrap() => [".dat.gz is missing"];
    "a file is added": |b| fs::write(b.join("dump/9999.dat.gz"), "x").unwrap() => ["dump/9999.dat.gz is not in its manifest.json"];
    "a data file is truncated": |b| truncate(&data(b)) => [".dat.gz has", "bytes instead of"];
    "a data file is longer": |b| append(&data(b)) => [".dat.gz has", "bytes instead of"];
    "a bit of a data file is flipped": |b| flip(&data(b)) => [".dat.gz is damaged: its SHA-256"];
    "a bit of the table of contents is flipped": |b| flip(&b.join("dump/toc.dat")) => ["toc.dat is damaged: its SHA-256"];
    "a data file is a directory": |b| { let file = data(b); fs::remove_file(&file).unwrap(); fs::create_dir(&file).unwrap(); } => [".dat.gz is not a regular file"];
    "a data file is a link": |b| { let file = data(b); let copy = b.with_extension("copy"); fs::rename(&file, &copy).unwrap(); symlink(&copy, &file).unwrap(); } => [".dat.gz is not a regular file"];
    "the count of a table is forged": |b| forge(b, |m| m["tables"][1]["rows"] = json!(7)) => ["differs from the manifest", "rows instead of 7"];
    "the digest of a table is forged": |b| forge(b, |m| m["tables"][1]["digest"] = json!("7")) => ["differs from the manifest", "the rows of the table public."];
    "a table is forged away": |b| forge(b, |m| { m["tables"].as_array_mut().unwrap().remove(1); }) => ["differs from the manifest", "is not in the manifest"];
    "a data file is replaced and listed": |b| forge_data(b) => ["psql failed", "pg_restore"];
};

#[tokio::test]
async fn each_kind_of_damage_is_refused_by_name_and_leaves_the_target_empty() {
    if !clients_are_installed() {
        return;
    }
    let source = filled("damaged").await;
    let ops = Ops::on(&source.url());
    let backup = ops.back_up();
    let target = empty("undamaged");
    let db = connect(&target.url()).await.unwrap();
    let before = catalogue(&db).await;
    for Damage { name, apply, refusal } in DAMAGES {
        let place = ops.path("damaged");
        fs::create_dir(&place).unwrap();
        let copy = place.join(backup.file_name().unwrap());
        copy_all(&backup, &copy);
        apply(&copy);
        // The renamed one.
        let from = entries(&place).into_iter().find(|path| path.is_dir()).unwrap();
        let failed = ops.run(&format!("restore {} --to {}", from.display(), target.url()));
        println!("{name}: {}", failed.stderr.lines().last().unwrap_or_default());
        let words: Vec<&str> = if name == "a data file is replaced and listed" {
            // Whichever of the two notices first.
            assert!(refusal.iter().any(|word| failed.stderr.contains(word)), "{name}: {failed}");
            Vec::new()
        } else {
            refusal.to_vec()
        };
        failed.fails(&words);
        assert_same(&before, &catalogue(&db).await, name);
        fs::remove_dir_all(&place).unwrap();
    }
    ops.restore_to(&target.url()).succeeds();
}

#[tokio::test]
async fn a_damaged_sqlite_backup_is_refused_and_creates_no_file() {
    let source = SqliteFile::migrated().await;
    let ops = Ops::on(&source.url());
    let backup = ops.back_up();
    let file = backup.join("database.sqlite");
    let intact = fs::read(&file).unwrap();
    let target = SqliteFile::new();
    let directory = target.path().parent().unwrap().to_owned();
    flip(&file);
    ops.restore_to(&target.url()).fails(&["database.sqlite is damaged"]);
    // With a checksum that matches, SQLite or the digests notice it.
    let mut bytes = intact.clone();
    let page = bytes.len() / 2;
    bytes[page..page + 4096].fill(0xA5);
    fs::write(&file, &bytes).unwrap();
    let digest = hexadecimal(&Sha256::digest(&bytes));
    forge(&backup, |m| m["files"][0]["sha256"] = json!(digest));
    let failed = ops.restore_to(&target.url());
    assert_eq!(failed.code, Some(1), "{failed}");
    assert_eq!(entries(&directory), Vec::<PathBuf>::new(), "nothing is left: {failed}");
}

fn manifest(backup: &Path) -> PathBuf {
    backup.join("manifest.json")
}

/// The largest data file.
pub fn data(backup: &Path) -> PathBuf {
    let files =
        entries(&backup.join("dump")).into_iter().filter(|file| file.extension().is_some_and(|e| e == "gz"));
    files.max_by_key(|file| fs::metadata(file).unwrap().len()).unwrap()
}

pub fn truncate(file: &Path) {
    let length = fs::metadata(file).unwrap().len();
    File::options().write(true).open(file).unwrap().set_len(length / 2).unwrap();
}

fn append(file: &Path) {
    File::options().append(true).open(file).unwrap().write_all(b"x").unwrap();
}

fn overwrite(file: &Path, bytes: &[u8]) {
    let mut file = File::options().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(bytes).unwrap();
}

pub fn flip(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}

fn replace(file: &Path, text: &str, with: &str) {
    let before = fs::read_to_string(file).unwrap();
    assert!(before.contains(text), "{before}");
    fs::write(file, before.replacen(text, with, 1)).unwrap();
}

/// Changes the text around the manifest proper, which stays as it is to the letter.
fn edit_envelope(backup: &Path, change: impl FnOnce(&mut Value)) {
    let text = fs::read_to_string(manifest(backup)).unwrap();
    let proper = text.split_once("\"manifest\": ").unwrap().1.trim_end().strip_suffix('}').unwrap();
    let mut envelope: Value = serde_json::from_str(&text).unwrap();
    change(&mut envelope);
    let (kind, format, sha256) = (&envelope["kind"], &envelope["format"], &envelope["sha256"]);
    let text =
        format!("{{\"kind\": {kind}, \"format\": {format}, \"sha256\": {sha256}, \"manifest\": {proper}}}\n");
    fs::write(manifest(backup), text).unwrap();
}

/// Changes the manifest, and computes its checksum again.
pub fn forge(backup: &Path, change: impl FnOnce(&mut Value)) {
    let text = fs::read_to_string(manifest(backup)).unwrap();
    let mut envelope: Value = serde_json::from_str(&text).unwrap();
    change(&mut envelope["manifest"]);
    let proper = serde_json::to_string(&envelope["manifest"]).unwrap();
    let sha256 = hexadecimal(&Sha256::digest(proper.as_bytes()));
    let text = format!(
        "{{\"kind\": {}, \"format\": {}, \"sha256\": \"{sha256}\", \"manifest\": {proper}}}\n",
        envelope["kind"], envelope["format"]
    );
    fs::write(manifest(backup), text).unwrap();
}

/// Damages a data file, and lists its new checksum.
fn forge_data(backup: &Path) {
    let file = data(backup);
    flip(&file);
    let sha256 = hexadecimal(&Sha256::digest(fs::read(&file).unwrap()));
    let path = file.strip_prefix(backup).unwrap().to_str().unwrap().to_owned();
    forge(backup, |m| {
        let files = m["files"].as_array_mut().unwrap();
        files.iter_mut().find(|entry| entry["path"] == path.as_str()).unwrap()["sha256"] = json!(sha256);
    });
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for path in entries(from) {
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &copy);
        } else {
            fs::copy(&path, &copy).unwrap();
        }
    }
}
