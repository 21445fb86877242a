//! Every table belongs to exactly one area of the documentation.

use crate::Subject;
use crate::docs::areas;
use crate::mutation::Mutation;
use crate::rule::{Answer, Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "tables_in_areas",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Every table is in exactly one area of gate/areas.yaml.",
    why: "The documentation does not show the table, and no diagram of an area has it.",
    fix: "Name the table in the area that it belongs to.",
    source: "architecture.md, Documentation",
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
