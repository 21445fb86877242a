//! `database/src/codegen/mod.rs` from `database/queries.sql`.
//!
//! A query is SQL below a line `-- name: ClaimDueContacts :many`. What follows the colon says what a caller gets:
//!
//! | annotation | the function returns |
//! |---|---|
//! | `:one` | the row, or `Error::NotFound` |
//! | `:optional` | the row, or `None` |
//! | `:many` | all rows |
//! | `:stream` | the rows as they arrive |
//! | `:exec` | nothing |
//! | `:execrows` | how many rows were affected |
//!
//! Comment lines directly below become the function's documentation. Two forms among them are annotations:
//! - `-- param name [Type] [- sentence]`: a parameter's type, where its name does not tell, and its documentation;
//! - `-- column name Type`: a column's type, where neither its origin nor its name tells.
//!
//! `:name` is a parameter, `:name?` one that may be null. A `uuid` gets the typed id of the entity's field that the
//! column comes from or that the parameter or column is named like; `jsonb` the entity's document, else `Json`.
//!
//! A column can be null unless it comes straight from a NOT NULL column and the query has no outer join: an
//! expression's nullability is not asked of PostgreSQL, because it does not know. The aliases `"name!"` and
//! `"name?"` say otherwise.
//!
//! A result of one column is that column's type in place of a struct.

mod describe;
mod entities;
mod queries;
mod render;
mod sql;

use crate::{Error, Finding, Subject, Workspace};
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;

/// What the functions are generated from.
pub const QUERIES: &str = "database/queries.sql";

/// What is generated.
pub const GENERATED: &str = "database/src/codegen/mod.rs";

/// Generates the functions and writes them if they differ; findings are what is wrong with the queries.
///
/// # Errors
/// PostgreSQL cannot be asked, or a file not be read or written.
pub async fn write(subject: &Subject) -> Result<Vec<Finding>, Error> {
    let workspace = subject.workspace();
    match generate(subject).await? {
        Err(findings) => Ok(findings),
        Ok(code) => {
            if workspace.read_if_there(GENERATED)?.as_deref() != Some(&code) {
                workspace.write(GENERATED, &code)?;
            }
            Ok(Vec::new())
        }
    }
}

/// Generates the functions and compares; findings are also the first line in which the file differs.
///
/// # Errors
/// PostgreSQL cannot be asked, or a file not be read.
pub async fn check(subject: &Subject) -> Result<Vec<Finding>, Error> {
    match generate(subject).await? {
        Err(findings) => Ok(findings),
        Ok(code) => {
            let found = subject.workspace().read_if_there(GENERATED)?;
            Ok(first_difference(found.as_deref(), &code).into_iter().collect())
        }
    }
}

/// The code, or what is wrong with the queries.
async fn generate(subject: &Subject) -> Result<Result<String, Vec<Finding>>, Error> {
    let workspace = subject.workspace();
    let text = workspace.read(QUERIES)?;
    let queries = match queries::parse(&text) {
        Ok(queries) => queries,
        Err(findings) => return Ok(Err(findings)),
    };
    let entities = entities::Entities::read(workspace)?;
    let described = describe::describe(&subject.url(), &queries, &entities).await?;
    Ok(match described {
        Err(findings) => Err(findings),
        Ok(functions) => Ok(format(workspace, &render::render(&functions)).await?),
    })
}

fn first_difference(found: Option<&str>, wanted: &str) -> Option<Finding> {
    let finding = |line, message| Some(Finding::at(GENERATED, line, message));
    let Some(found) = found else { return finding(1, "is missing".to_owned()) };
    if found == wanted {
        return None;
    }
    let line = found.lines().zip(wanted.lines()).take_while(|(found, wanted)| found == wanted).count();
    let show = |text: &str| {
        text.lines().nth(line).map_or_else(|| "the end".to_owned(), |line| format!("`{}`", line.trim()))
    };
    finding(line + 1, format!("is stale: it has {} where {} belongs", show(found), show(wanted)))
}

/// As `cargo fmt` would leave it.
async fn format(workspace: &Workspace, code: &str) -> Result<String, Error> {
    let failed = |error: std::io::Error| Error::Rustfmt(error.to_string());
    let mut rustfmt = tokio::process::Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(workspace.path("rustfmt.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut input) = rustfmt.stdin.take() {
        // rustfmt reads everything before it writes, so that neither waits for the other.
        input.write_all(code.as_bytes()).await.map_err(failed)?;
    }
    let output = rustfmt.wait_with_output().await.map_err(failed)?;
    if !output.status.success() {
        return Err(Error::Rustfmt(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    String::from_utf8(output.stdout).map_err(|error| Error::Rustfmt(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    fn difference(found: Option<&str>, wanted: &str) -> String {
        first_difference(found, wanted).map(|finding| finding.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_stale_file_is_named_with_its_first_difference() {
        assert_eq!(first_difference(Some("a\nb\n"), "a\nb\n"), None);
        assert!(difference(None, "a\n").starts_with("database/src/codegen/mod.rs:1: is missing"));
        let changed = difference(Some("a\n  b\nc\n"), "a\nB\nc\n");
        assert!(changed.starts_with("database/src/codegen/mod.rs:2: is stale: it has `b` where `B` belongs"));
        let longer = difference(Some("a\nb\n"), "a\n");
        assert!(longer.contains(":2: is stale: it has `b` where the end belongs"), "{longer}");
    }
}
