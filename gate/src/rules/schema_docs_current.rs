use crate::docs::pages;
use crate::generated_files;
use crate::rule::{Check, Level, Rule, replace, sql};

pub const RULE: Rule = Rule {
    id: "schema_docs_current",
    level: Level::Block,
    requires: "The pages and diagrams in docs/schema are current with the schema and its readers.",
    why: "A stale page documents a column that was renamed or has another meaning.",
    fix: "Run: cargo run -p gate -- write.",
    source: "docs/conventions.md#schema-pages",
    check: Check::Comparison(|subject| Box::pin(generated_files::check(subject, &pages::KIND))),
    breaks: &[
        replace("docs/schema/README.md", "", "edited\n", &["docs/schema/README.md"]),
        replace("docs/schema/ghosts.md", "", "# `ghosts`\n", &["docs/schema/ghosts.md"]),
        sql("alter table campaigns alter column max_attempts set default 4", &["docs/schema/campaigns.md"]),
    ],
};
