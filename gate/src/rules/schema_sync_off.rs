//! The schema comes from migrations and never from the entities.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};
use crate::{Error, Finding, Workspace};

/// The rule. `sea-orm-migration` compiles the feature in by itself, so it is our calls that matter most.
pub const RULE: Rule = Rule {
    id: "schema_sync_off",
    level: Level::Block,
    family: Family::Migrations,
    requires: "No manifest of ours enables SeaORM's schema-sync, and no code calls it.",
    why: "It drops unique constraints that the entities do not declare, silently, and leaves no migration behind.",
    fix: "Take it out, and write a migration.",
    source: "seaorm-2.md, 4",
    check: Check::Sources(look),
    breaks: &[
        Break {
            by: Mutation::Replace {
                file: "Cargo.toml",
                text: "    \"sqlx-postgres\",\n",
                with: "    \"schema-sync\",\n    \"sqlx-postgres\",\n",
            },
            finds: &["Cargo.toml"],
        },
        Break {
            by: Mutation::Replace {
                file: "database/src/lib.rs",
                text: "",
                with: "async fn sync(db: &Db) { db.get_schema_builder().register(Entity).sync(db).await }\n",
            },
            finds: &["database/src/lib.rs"],
        },
        Break {
            by: Mutation::Replace {
                file: "database/src/lib.rs",
                text: "",
                with: "async fn sync(db: &Db) { db.get_schema_registry(\"*\").sync(db).await }\n",
            },
            finds: &["database/src/lib.rs"],
        },
    ],
};

/// Here the words stand in the breaks.
const ITSELF: &str = "gate/src/rules/schema_sync_off.rs";

fn look(workspace: &Workspace) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for (extension, comment, words) in [
        ("toml", "#", &["schema-sync"][..]),
        ("rs", "//", &["get_schema_builder", "get_schema_registry", "SchemaBuilder"][..]),
    ] {
        for file in workspace.files("", extension)? {
            if file == ITSELF {
                continue;
            }
            for (index, line) in workspace.read(&file)?.lines().enumerate() {
                let code = line.split(comment).next().unwrap_or_default();
                if let Some(word) = words.iter().find(|word| code.contains(*word)) {
                    findings.push(Finding::at(&file, index + 1, format!("it says `{word}`")));
                }
            }
        }
    }
    Ok(findings)
}
