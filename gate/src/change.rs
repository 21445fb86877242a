//! A migration from the difference between the entities and the migrated schema.
//!
//! `compare` compares them as `entities_match_database` does, and decides which steps are safe. `source` and `header` write
//! the files with the builders of `migration`; `annotations` takes over the descriptions of the new columns.

mod annotations;
mod compare;
mod enums;
mod header;
mod names;
mod parts;
mod plan;
mod planner;
#[cfg(test)]
mod property;
mod refusal;
mod source;

use crate::codegen::format;
use crate::drift::entities::Entities;
use crate::drift::models;
use crate::migrations::files::DIRECTORY;
use crate::{Error, Finding, Subject};
use annotations::Described;
use plan::{Plan, Step};
use std::fmt::Write as _;

/// What was written, and what is left.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// A line for each file, and for each decision that is left to a person.
    pub report: String,
    /// What the migration does not do; it fails with these reasons until a person writes the steps.
    pub findings: Vec<Finding>,
}

/// Writes the migration `name` from the migrated schema of `subject` to the entities of this build.
///
/// # Errors
/// A file cannot be read or written, the name is malformed, or rustfmt is missing.
pub async fn write(subject: &Subject, name: &str, intent: Option<&str>) -> Result<Written, Error> {
    let (workspace, entities) = (subject.workspace(), Entities::all());
    let plan = compare::plan(&entities, subject.schema().await?);
    if plan.is_empty() {
        let report = "The entities and the migrated schema agree: nothing is written.\n".to_owned();
        return Ok(Written { report, findings: Vec::new() });
    }
    let models = models::read(workspace)?;
    let before = workspace.read(annotations::FILE)?;
    let Described { text, sentences, left } = annotations::describe(&before, &plan, &models);
    let mut decisions = left;
    decisions.extend(undecided(&plan, intent));
    let findings =
        plan.refusals.iter().map(|refusal| Finding::of(&refusal.object, refusal.to_string())).collect();
    let parts = plan.into_parts();
    let mut migrations = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        let name = if parts.len() == 1 {
            name.to_owned()
        } else {
            format!("{name}_{}_{}", place + 1, part.mode.word())
        };
        let source = source::source(part, &entities, intent, &sentences);
        migrations.push((name, format(workspace, &source).await?));
    }
    let mut report = String::new();
    // Writing to a string does not fail.
    for file in migration::write_migrations(&workspace.path(DIRECTORY), &migrations)? {
        let _ = writeln!(report, "wrote {DIRECTORY}/{}", file.file_name().unwrap_or_default().display());
    }
    if text != before {
        workspace.write(annotations::FILE, &text)?;
        report.extend(["wrote ", annotations::FILE, "\n"]);
    }
    for decision in decisions {
        let _ = writeln!(report, "decide: {decision}");
    }
    Ok(Written { report, findings })
}

/// What nothing but the header and the builders' arguments can state.
fn undecided(plan: &Plan, intent: Option<&str>) -> Vec<String> {
    let mut decisions = Vec::new();
    if intent.is_none() {
        decisions.push("the header's Intent".to_owned());
    }
    if plan.steps.iter().any(Step::has_text) {
        decisions
            .push(format!("the limit of each text column; {} characters is the default", source::TEXT_LIMIT));
    }
    for step in &plan.steps {
        let Step::CreateTable(table) = step else { continue };
        decisions.push(format!("the area of {} in gate/areas.yaml", table.name));
        if table.is_tenant {
            decisions.push(format!(
                "the customer's privileges on {} (CUSTOMER_PRIVILEGES), with their reasons in gate/grants.yaml",
                table.name
            ));
        }
    }
    decisions
}
