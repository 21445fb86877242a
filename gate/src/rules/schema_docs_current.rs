//! The pages and diagrams in docs/schema are current with the schema and its readers.

use crate::docs::pages;
use crate::mutation::Mutation;
use crate::rule::{Answer, Break, Check, Family, Level, Rule};
use crate::{Subject, generated_files};

pub const RULE: Rule = Rule {
    id: "schema_docs_current",
    level: Level::Block,
    family: Family::GeneratedFiles,
    requires: "The pages and diagrams in docs/schema are current with the schema and its readers.",
    why: "A stale page documents a column that was renamed or has another meaning.",
    fix: "Run: cargo run -p gate -- write.",
    source: "docs/conventions.md#schema-pages",
    check: Check::Subject(look),
    breaks: &[
        Break {
            by: Mutation::Replace { file: "docs/schema/README.md", text: "", with: "edited\n" },
            finds: &["docs/schema/README.md"],
        },
        Break {
            by: Mutation::Replace { file: "docs/schema/ghosts.md", text: "", with: "# `ghosts`\n" },
            finds: &["docs/schema/ghosts.md"],
        },
        Break {
            by: Mutation::Sql("alter table campaigns alter column max_attempts set default 4"),
            finds: &["docs/schema/campaigns.md"],
        },
    ],
};

fn look(subject: &Subject) -> Answer<'_> {
    Box::pin(generated_files::check(subject, &pages::KIND))
}
