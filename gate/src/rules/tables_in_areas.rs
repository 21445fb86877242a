//! Every table is in exactly one area of gate/areas.yaml.

use crate::Subject;
use crate::docs::areas;
use crate::mutation::Mutation;
use crate::rule::{Answer, Break, Check, Family, Level, Rule};

pub const RULE: Rule = Rule {
    id: "tables_in_areas",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Every table is in exactly one area of gate/areas.yaml.",
    why: "A table without an area is missing from the diagrams of the schema pages.",
    fix: "Add the table to one area of gate/areas.yaml.",
    source: "docs/conventions.md#documentation-areas",
    check: Check::Subject(look),
    breaks: &[
        Break {
            by: Mutation::Replace { file: areas::FILE, text: "[provider_configs]", with: "[]" },
            finds: &["provider_configs"],
        },
        Break {
            by: Mutation::Replace {
                file: areas::FILE,
                text: "[provider_configs]",
                with: "[provider_configs, ghosts, users]",
            },
            finds: &["ghosts", "users"],
        },
    ],
};

fn look(subject: &Subject) -> Answer<'_> {
    Box::pin(async {
        let areas = areas::read(subject.workspace())?;
        Ok(areas::defects(&areas, subject.schema().await?))
    })
}
