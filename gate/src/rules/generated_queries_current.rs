//! database/src/generated is current with database/queries and with the schema.

use crate::codegen;
use crate::mutation::Mutation;
use crate::rule::{Answer, Break, Check, Family, Level, Rule};
use crate::{Subject, generated_files};

pub const RULE: Rule = Rule {
    id: "generated_queries_current",
    level: Level::Block,
    family: Family::GeneratedFiles,
    requires: "database/src/generated is current with database/queries and with the schema.",
    why: "Applications run SQL other than the reviewed SQL.",
    fix: "Run: cargo run -p gate -- write.",
    source: "docs/conventions.md#generated-queries",
    check: Check::Subject(look),
    breaks: &[
        Break {
            by: Mutation::Replace {
                file: "database/src/generated/contacts.rs",
                text: "",
                with: "// edited\n",
            },
            finds: &["database/src/generated/contacts.rs"],
        },
        Break {
            by: Mutation::Replace {
                file: "database/queries/contacts.sql",
                text: "",
                with: "\n-- name: Ghost :one\n-- scope: either\nselect ghost from contacts;\n",
            },
            finds: &["database/queries/contacts.sql"],
        },
    ],
};

fn look(subject: &Subject) -> Answer<'_> {
    Box::pin(generated_files::check(subject, &codegen::KIND))
}
