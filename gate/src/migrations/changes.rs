//! What changed in the schema since the last release.

use crate::catalogue::differences::Change;
use crate::migrations::lock;
use crate::{Error, Workspace, subject};
use migration::Emitted;
use std::fmt::Write as _;

/// Describes the differences between the schema of the last release and the newest one as Markdown: each object in words,
/// a part of a new table with its table, and the statements of the migrations. Before the first release, the DDL is
/// `migration/schema.sql`.
pub(crate) async fn since_release(workspace: &Workspace) -> Result<String, Error> {
    let lock = lock::read(workspace)?
        .map_err(|finding| Error::Source { path: workspace.path(lock::FILE), reason: finding.problem })?;
    let emitted = migration::emitted().await?;
    let released = lock.released.as_ref();
    let steps =
        emitted.iter().position(|migration| Some(&migration.name) == released).map_or(0, |last| last + 1);
    let (old, new) =
        (subject::migrated_by(Some(steps), None).await?, subject::migrated_by(None, None).await?);
    let changes = old.changes(&new);
    let mut lines: Vec<String> = old
        .differences(&new)
        .iter()
        .filter_map(|finding| {
            let name = finding.object.as_str();
            Some(match changes.get(name)? {
                Change::Extra => format!("- New: {name}"),
                Change::Missing => format!("- Removed: {name}"),
                Change::Facets { text, .. } => format!("- Changed: {name}: {text}"),
            })
        })
        .collect();
    lines.sort();
    Ok(if lines.is_empty() {
        "The schema did not change.\n".to_owned()
    } else {
        format!("### Schema\n\n{}\n\n### DDL\n\n{}", lines.join("\n"), ddl(&emitted[steps..], steps == 0))
    })
}

fn ddl(new: &[Emitted], is_first: bool) -> String {
    if is_first {
        return "All of [migration/schema.sql](migration/schema.sql).\n".to_owned();
    }
    let mut text = "```sql\n".to_owned();
    for migration in new {
        // Writing to a string does not fail.
        let _ = writeln!(text, "-- {}", migration.name);
        for sql in &migration.postgres.up {
            let _ = writeln!(text, "{};", sql.trim().trim_end_matches(';'));
        }
    }
    text + "```\n"
}
