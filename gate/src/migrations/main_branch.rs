//! The migrations of this build compared with those of another branch.

use crate::migrations::lock::{self, Lock};
use crate::{Error, Finding, Workspace};
use migration::Emitted;
use tokio::process::Command;

/// The migrations that a branch adds, and findings about the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The version that was compared with.
    pub base: String,
    /// The migrations that it lacks.
    pub added: Vec<String>,
    /// Its migrations that are missing or changed here, and additions that are older than its newest.
    pub findings: Vec<Finding>,
}

/// Compares with the lock of `base`, by default that of `origin/main` or, without a remote, of `main`.
///
/// # Errors
/// There is no git, no such version, or it has migrations without a lock.
pub async fn compare(
    workspace: &Workspace,
    emitted: &[Emitted],
    base: Option<String>,
) -> Result<Comparison, Error> {
    let base = match base {
        Some(base) => base,
        None if git(workspace, &["rev-parse", "--verify", "--quiet", "origin/main"]).await.is_ok() => {
            "origin/main".to_owned()
        }
        None => "main".to_owned(),
    };
    let failed = |reason: String| Error::Git { base: base.clone(), reason };
    git(workspace, &["rev-parse", "--verify", &format!("{base}^{{commit}}")]).await.map_err(failed)?;
    let files =
        git(workspace, &["ls-tree", "--name-only", &base, lock::FILE, "migration/src/migrations/"]).await;
    let files = files.map_err(failed)?;
    let text = if files.lines().any(|file| file == lock::FILE) {
        git(workspace, &["show", &format!("{base}:./{}", lock::FILE)]).await.map_err(failed)?
    } else if files.lines().any(|file| file.starts_with("migration/src/migrations/m20")) {
        // Without the lock, a change cannot be detected.
        return Err(failed(format!("it has migrations, and no {}", lock::FILE)));
    } else {
        String::new()
    };
    let theirs =
        Lock::parse(&text).map_err(|line| failed(format!("its line {line} is not part of a lock")))?;

    let mut findings = theirs.changed(emitted);
    for finding in &mut findings {
        finding.fix = Some(format!(
            "Take the migration of {base}, rebasing if need be, and write a new one for the change."
        ));
    }
    let newest = theirs.names().max().unwrap_or_default();
    let mut added = Vec::new();
    for Emitted { name, .. } in emitted {
        if theirs.names().any(|their| their == name) {
            continue;
        }
        if name.as_str() < newest {
            let problem = format!("it is older than {newest}, which is on {base}");
            findings.push(
                Finding::of(name, problem)
                    .fixed_by("Give it a later name: its file, and src/migrations/mod.rs."),
            );
        }
        added.push(name.clone());
    }
    Ok(Comparison { base, added, findings })
}

/// The output of git, or its error message.
async fn git(workspace: &Workspace, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(workspace.path(""))
        .args(arguments)
        .output()
        .await
        .map_err(|error| format!("it cannot be run ({error})"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
