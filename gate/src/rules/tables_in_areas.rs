use crate::docs::areas;
use crate::rule::{Check, Level, Rule, replace};
use crate::{Error, Finding, Subject};

pub const RULE: Rule = Rule {
    id: "tables_in_areas",
    level: Level::Block,
    requires: "Every table is in exactly one area of gate/areas.yaml.",
    why: "A table without an area is missing from the diagrams of the schema pages.",
    fix: "Add the table to one area of gate/areas.yaml.",
    source: "docs/conventions.md#documentation-areas",
    check: Check::Subject(|subject| Box::pin(look(subject))),
    breaks: &[
        replace(areas::FILE, "[provider_configs]", "[]", &["provider_configs"]),
        replace(areas::FILE, "[provider_configs]", "[provider_configs, ghosts, users]", &["ghosts", "users"]),
    ],
};

async fn look(subject: &Subject) -> Result<Vec<Finding>, Error> {
    let areas = areas::read(subject.workspace())?;
    Ok(areas::defects(&areas, subject.schema().await?))
}
