//! `database/src/generated/<table>.rs` from `database/queries/<table>.sql`.
//!
//! `database/queries/README.md` describes the annotations of the queries.

mod describe;
mod entities;
pub(crate) mod queries;
mod render;
mod schema;

use crate::generated_files::{GeneratedFile, Kind};
use crate::{Error, Finding, Subject, Workspace};
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;

/// The directory of the queries, a file for each table.
pub const QUERIES: &str = "database/queries";

/// The directory of the generated functions.
pub const GENERATED: &str = "database/src/generated";

/// The functions of the queries.
pub const KIND: Kind = Kind { generate: |subject| Box::pin(generate(subject)), directory: Some(GENERATED) };

/// The files of queries and their tables, in order.
pub(crate) fn files(workspace: &Workspace) -> Result<Vec<(String, String)>, Error> {
    let files = workspace.files_in(QUERIES)?.into_iter().filter_map(|file| {
        let table = file.rsplit('/').next()?.strip_suffix(".sql")?.to_owned();
        Some((file, table))
    });
    Ok(files.collect())
}

async fn generate(subject: &Subject) -> Result<Result<Vec<GeneratedFile>, Vec<Finding>>, Error> {
    let workspace = subject.workspace();
    let entities = entities::Entities::read(workspace)?;
    let mut generated = Vec::new();
    let mut findings = Vec::new();
    let files = files(workspace)?;
    for (file, table) in &files {
        let text = workspace.read(file)?;
        let queries = match queries::parse(file, &text) {
            Ok(queries) => queries,
            Err(found) => {
                findings.extend(found);
                continue;
            }
        };
        match describe::describe(&mut *subject.pool().acquire().await?, &queries, &entities).await? {
            Ok(functions) => {
                let text = format(workspace, &render::module(table, &functions)).await?;
                generated.push(GeneratedFile { file: format!("{GENERATED}/{table}.rs"), text });
            }
            Err(found) => findings.extend(found),
        }
    }
    if !findings.is_empty() {
        return Ok(Err(findings));
    }
    let constraints = schema::constraints(subject.schema().await?);
    for (module, text) in [("constraint", constraints), ("schema", schema::migrations(subject))] {
        let text = format(workspace, &text).await?;
        generated.push(GeneratedFile { file: format!("{GENERATED}/{module}.rs"), text });
    }
    let tables: Vec<&str> = files.iter().map(|(_, table)| table.as_str()).collect();
    let text = format(workspace, &render::modules(&tables)).await?;
    generated.push(GeneratedFile { file: format!("{GENERATED}/mod.rs"), text });
    Ok(Ok(generated))
}

/// As `cargo fmt` would leave it.
pub(crate) async fn format(workspace: &Workspace, code: &str) -> Result<String, Error> {
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
