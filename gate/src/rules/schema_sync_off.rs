use crate::rule::{Check, Level, Rule, replace};
use crate::{Error, Finding, Workspace};

/// `sea-orm-migration` enables the feature itself, so the rule also finds calls.
pub const RULE: Rule = Rule {
    id: "schema_sync_off",
    level: Level::Block,
    requires: "No manifest enables SeaORM's feature schema-sync, and no code calls it.",
    why: "Schema synchronization silently drops unique constraints that the entities do not declare, and leaves no migration.",
    fix: "Remove it, and write a migration.",
    source: "docs/conventions.md#schema-synchronization",
    check: Check::Sources(look),
    breaks: &[
        replace(
            "Cargo.toml",
            "    \"sqlx-postgres\",\n",
            "    \"schema-sync\",\n    \"sqlx-postgres\",\n",
            &["Cargo.toml"],
        ),
        replace(
            "database/src/lib.rs",
            "",
            "async fn sync(db: &Db) { db.get_schema_builder().register(Entity).sync(db).await }\n",
            &["database/src/lib.rs"],
        ),
        replace(
            "database/src/lib.rs",
            "",
            "async fn sync(db: &Db) { db.get_schema_registry(\"*\").sync(db).await }\n",
            &["database/src/lib.rs"],
        ),
    ],
};

/// This file contains the words, in its breaks.
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
                    findings.push(Finding::at(&file, index + 1, format!("it contains `{word}`")));
                }
            }
        }
    }
    Ok(findings)
}
