use crate::migrations::files::{self, MigrationFile};
use crate::rule::{Break, Check, Level, Rule, replace};
use crate::{Error, Finding, Workspace};
use migration::header::{self, FIELDS};

pub const RULE: Rule = Rule {
    id: "migration_header",
    level: Level::Block,
    requires: "A migration file begins with Intent, Risk, Locks if it takes any, and what Down loses.",
    why: "An operator who has to decide about a deployment otherwise infers intent and risk from the SQL.",
    fix: "Write the missing line for a reader who does not know the change.",
    source: "docs/conventions.md#migration-headers",
    check: Check::Sources(look),
    breaks: &[
        edit("//! Down: drops every organization.\n", ""),
        edit("//! Down: drops every organization.\n", "//! Down:\n"),
        edit("//! Down: drops every organization.\n", "//! Down: what it cannot restore.\n"),
        edit("//! Intent:", "//! Down: drops all.\n//! Intent:"),
    ],
};

const fn edit(text: &'static str, with: &'static str) -> Break {
    let file = "migration/src/migrations/m20261121_000003_create_organizations.rs";
    replace(file, text, with, &["m20261121_000003_create_organizations"])
}

fn look(workspace: &Workspace) -> Result<Vec<Finding>, Error> {
    let template = header::parse(migration::TEMPLATE);
    let mut findings = Vec::new();
    for MigrationFile { name, file, header } in files::read(workspace)? {
        let names: Vec<_> = header.iter().map(|field| field.name).collect();
        let expected: Vec<_> =
            FIELDS.into_iter().filter(|field| *field != "Locks" || names.contains(field)).collect();
        if names != expected {
            let problem = format!(
                "its header has the fields [{}] instead of [{}]",
                names.join(", "),
                expected.join(", ")
            );
            findings.push(Finding::at(&file, 1, problem).about(&name));
        }
        for field in header {
            let unchanged =
                template.iter().any(|template| template.name == field.name && template.text == field.text);
            if field.text.is_empty() || unchanged {
                let problem = format!("its {} is empty or unchanged from the template", field.name);
                findings.push(Finding::at(&file, field.line, problem).about(&name));
            }
        }
    }
    Ok(findings)
}
