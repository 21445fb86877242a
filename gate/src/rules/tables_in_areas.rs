use crate::Subject;
use crate::docs::areas;
use crate::rule::{Answer, Check, Level, Rule, replace};

pub const RULE: Rule = Rule {
    id: "tables_in_areas",
    level: Level::Block,
    requires: "Every table is in exactly one area of gate/areas.yaml.",
    why: "A table without an area is missing from the diagrams of the schema pages.",
    fix: "Add the table to one area of gate/areas.yaml.",
    source: "docs/conventions.md#documentation-areas",
    check: Check::Subject(look),
    breaks: &[
        replace(areas::FILE, "[provider_configs]", "[]", &["provider_configs"]),
        replace(areas::FILE, "[provider_configs]", "[provider_configs, ghosts, users]", &["ghosts", "users"]),
    ],
};

fn look(subject: &Subject) -> Answer<'_> {
    Box::pin(async {
        let areas = areas::read(subject.workspace())?;
        Ok(areas::defects(&areas, subject.schema().await?))
    })
}
