use crate::codegen;
use crate::generated_files;
use crate::rule::{Check, Level, Rule, replace};

pub const RULE: Rule = Rule {
    id: "generated_queries_current",
    level: Level::Block,
    requires: "database/src/generated is current with database/queries and with the schema.",
    why: "Applications run SQL other than the reviewed SQL.",
    fix: "Run: cargo run -p gate -- write.",
    source: "docs/conventions.md#generated-queries",
    check: Check::Comparison(|subject| Box::pin(generated_files::check(subject, &codegen::KIND))),
    breaks: &[
        replace(
            "database/src/generated/contacts.rs",
            "",
            "// edited\n",
            &["database/src/generated/contacts.rs"],
        ),
        replace(
            "database/queries/contacts.sql",
            "",
            "\n-- name: Ghost :one\n-- scope: either\nselect ghost from contacts;\n",
            &["database/queries/contacts.sql"],
        ),
    ],
};
