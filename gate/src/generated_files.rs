//! Files that are generated: written by `gate write`, and compared with what would be written.

use crate::{Error, Finding, Subject};
use std::pin::Pin;

/// A generated file in its current state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedFile {
    /// Relative to the workspace.
    pub file: String,
    /// The whole text.
    pub text: String,
}

/// The files, or findings about their sources.
pub type Generated<'a> =
    Pin<Box<dyn Future<Output = Result<Result<Vec<GeneratedFile>, Vec<Finding>>, Error>> + 'a>>;

/// Files that are generated together.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Generates the files.
    pub generate: for<'a> fn(&'a Subject) -> Generated<'a>,
    /// A directory that contains no other files.
    pub directory: Option<&'static str>,
}

/// What [`write()`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The files that differed or were missing.
    pub written: Vec<String>,
    /// The files of no generator.
    pub deleted: Vec<String>,
    /// Findings about the sources.
    pub findings: Vec<Finding>,
}

/// Writes the files that differ. A kind with findings about its sources is not written.
///
/// # Errors
/// PostgreSQL fails, or a file cannot be read or written.
pub async fn write(subject: &Subject, kinds: &[Kind]) -> Result<Written, Error> {
    let workspace = subject.workspace();
    let mut done = Written::default();
    for kind in kinds {
        let generated_files = match (kind.generate)(subject).await? {
            Ok(generated_files) => generated_files,
            Err(findings) => {
                done.findings.extend(findings);
                continue;
            }
        };
        for GeneratedFile { file, text } in &generated_files {
            if workspace.read_if_there(file)?.as_deref() != Some(text) {
                workspace.write(file, text)?;
                done.written.push(file.clone());
            }
        }
        for file in strays(subject, kind, &generated_files)? {
            workspace.delete(&file)?;
            done.deleted.push(file);
        }
    }
    Ok(done)
}

/// Compares the files. A finding is the first line in which a file differs.
pub(crate) async fn check(subject: &Subject, kind: &Kind) -> Result<Vec<Finding>, Error> {
    let generated_files = match (kind.generate)(subject).await? {
        Ok(generated_files) => generated_files,
        Err(findings) => return Ok(findings),
    };
    let mut findings = Vec::new();
    for generated_file in &generated_files {
        let found = subject.workspace().read_if_there(&generated_file.file)?;
        findings.extend(first_difference(generated_file, found.as_deref()));
    }
    for file in strays(subject, kind, &generated_files)? {
        findings.push(Finding::of(file, "nothing generates this file"));
    }
    Ok(findings)
}

fn strays(subject: &Subject, kind: &Kind, generated_files: &[GeneratedFile]) -> Result<Vec<String>, Error> {
    let Some(directory) = kind.directory else { return Ok(Vec::new()) };
    let mut files = subject.workspace().files_in(directory)?;
    files.retain(|file| !generated_files.iter().any(|generated_file| generated_file.file == *file));
    Ok(files)
}

fn first_difference(generated_file: &GeneratedFile, found: Option<&str>) -> Option<Finding> {
    let GeneratedFile { file, text: expected } = generated_file;
    let finding = |line, problem| Some(Finding::at(file, line, problem));
    let Some(found) = found else { return finding(1, "is missing".to_owned()) };
    if found == expected {
        return None;
    }
    let line = found.lines().zip(expected.lines()).take_while(|(found, expected)| found == expected).count();
    let show = |text: &str| {
        text.lines().nth(line).map_or_else(|| "the end".to_owned(), |line| format!("`{}`", line.trim()))
    };
    finding(line + 1, format!("is stale: it has {} instead of {}", show(found), show(expected)))
}
