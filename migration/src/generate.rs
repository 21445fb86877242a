//! Writes the file of a new migration, with the header that every migration has, and lists it.

use crate::Error;
use chrono::{Local, NaiveDateTime, TimeDelta, Utc};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The folder of the migrations in this crate's source, independent of the working directory.
fn directory() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    package.join("src/migrations")
}

/// Creates the file of an empty migration, appends it to the list in `mod.rs`, and returns the file's path.
pub(crate) fn generate(name: &str, local_time: bool) -> Result<PathBuf, Error> {
    let now = Utc::now();
    let now = if local_time { now.with_timezone(&Local).naive_local() } else { now.naive_utc() };
    write(&directory(), &module(name, now)?, TEMPLATE)
}

/// Creates a file for each migration, by its name and text, in `directory`, the folder of the migrations. The first is named by
/// the current time in UTC, each further one by the next second. Appends them to the list in `mod.rs`, and returns the
/// files' paths.
///
/// # Errors
/// A name is not in snake case with a verb and an object, or a file cannot be read or written.
pub fn write_migrations(directory: &Path, migrations: &[(String, String)]) -> Result<Vec<PathBuf>, Error> {
    let now = Utc::now().naive_utc();
    let named = migrations
        .iter()
        .zip(0..)
        .map(|((name, text), second)| Ok((module(name, now + TimeDelta::seconds(second))?, text)));
    let named = named.collect::<Result<Vec<_>, Error>>()?;
    named.iter().map(|(module, text)| write(directory, module, text)).collect()
}

fn module(name: &str, now: NaiveDateTime) -> Result<String, Error> {
    let well_formed = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.contains('_');
    if !well_formed {
        return Err(Error::MigrationName(name.to_owned()));
    }
    Ok(format!("m{}_{name}", now.format("%Y%m%d_%H%M%S")))
}

fn write(directory: &Path, module: &str, text: &str) -> Result<PathBuf, Error> {
    let list = directory.join("mod.rs");
    let file = directory.join(format!("{module}.rs"));
    let failed = |path: &Path, cause: String| Error::Generate { file: path.display().to_string(), cause };
    let listed =
        fs::read_to_string(&list).map_err(|error| failed(&list, error.to_string())).and_then(|text| {
            append(&text, module).ok_or_else(|| failed(&list, "it has no `migrations! { … }`".to_owned()))
        })?;
    fs::File::create_new(&file)
        .and_then(|mut new| new.write_all(text.as_bytes()))
        .map_err(|error| failed(&file, error.to_string()))?;
    fs::write(&list, listed).map_err(|error| {
        let _ = fs::remove_file(&file);
        failed(&list, error.to_string())
    })?;
    Ok(file)
}

/// The text of `mod.rs` with one more line at the end of its list; `None` if it has no list.
fn append(text: &str, module: &str) -> Option<String> {
    let start = text.find("\nmigrations! {\n")?;
    let end = start + text[start..].find("\n}")? + 1;
    Some(format!("{}    {module},\n{}", &text[..end], &text[end..]))
}

/// The content of a new migration's file.
pub const TEMPLATE: &str = r#"//! What: the change, in one sentence.
//!
//! Intent: why, and for each index the query it serves.
//! Risk: what it can break or slow down, and for how long.
//! Locks: users (access exclusive: why that is acceptable). Without such a lock, no line.
//! Down: what it cannot restore.

use sea_orm_migration::prelude::*;

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("this migration is not written yet".to_owned()))
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("this migration is not written yet".to_owned()))
    }
}
"#;

#[cfg(test)]
mod tests {
    use super::append;

    #[test]
    fn a_migration_is_appended_to_the_list() {
        let text = |lines: &str| format!("mod a {{\n}}\n\nmigrations! {{\n{lines}}}\n\nfn f() {{\n}}\n");
        assert_eq!(append(&text("    m1_a,\n"), "m2_b"), Some(text("    m1_a,\n    m2_b,\n")));
        assert_eq!(append(&text(""), "m1_a"), Some(text("    m1_a,\n")));
        assert_eq!(append("vec![m1_a]", "m2_b"), None);
    }
}
