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
pub(crate) mod queries;
mod render;
pub(crate) mod sql;

use crate::artefacts::{Artefact, Kind};
use crate::{Error, Finding, Subject, Workspace};
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;

/// What the functions are generated from.
pub const QUERIES: &str = "database/queries.sql";

/// What is generated.
pub const GENERATED: &str = "database/src/codegen/mod.rs";

/// The functions of the queries.
pub const KIND: Kind = Kind { generate: |subject| Box::pin(generate(subject)), directory: None };

async fn generate(subject: &Subject) -> Result<Result<Vec<Artefact>, Vec<Finding>>, Error> {
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
        Ok(functions) => {
            let text = format(workspace, &render::render(&functions)).await?;
            Ok(vec![Artefact { file: GENERATED.to_owned(), text }])
        }
    })
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
