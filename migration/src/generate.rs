//! Writes the file of a new migration, with the header that every migration has.

use crate::Error;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where the migrations are: this crate, also when the working directory is another.
fn directory() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

/// Adds an empty migration to `src/` and to the list in `src/lib.rs`, and returns its file.
pub(crate) fn generate(name: &str, local_time: bool) -> Result<PathBuf, Error> {
    let well_formed = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.contains('_');
    if !well_formed {
        return Err(Error::MigrationName(name.to_owned()));
    }
    let directory = directory();
    let failed = |cause: String| Error::Generate { directory: directory.display().to_string(), cause };
    let before = files(&directory.join("src")).map_err(|error| failed(error.to_string()))?;
    sea_orm_cli::run_migrate_generate(&directory.to_string_lossy(), name, !local_time)
        .map_err(|error| failed(error.to_string()))?;
    let after = files(&directory.join("src")).map_err(|error| failed(error.to_string()))?;
    let file = after
        .difference(&before)
        .next()
        .cloned()
        .ok_or_else(|| failed("a migration of that name was generated in this very second".to_owned()))?;
    std::fs::write(&file, TEMPLATE).map_err(|error| failed(error.to_string()))?;
    Ok(file)
}

fn files(directory: &Path) -> std::io::Result<BTreeSet<PathBuf>> {
    std::fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

/// What a new migration's file says.
pub const TEMPLATE: &str = r#"//! What: the change, in one sentence.
//!
//! Intent: why, and for each index the query it serves.
//! Risk: what it can break or slow down, and for how long.
//! Locks: users (access exclusive: why that is bearable). Without such a lock, no line.
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
