//! `database/src/generated/` is current with `database/queries/`.

use crate::codegen;
use crate::mutation::Mutation;
use crate::rule::{Answer, Break, Check, Family, Level, Rule};
use crate::{Subject, generated_files};

/// The rule.
pub const RULE: Rule = Rule {
    id: "generated_queries_current",
    level: Level::Block,
    family: Family::GeneratedFiles,
    requires: "The functions of database/queries/ are regenerated after every change of a query or of the schema.",
    why: "Applications run another SQL than the one that is reviewed.",
    fix: "Run: cargo run -p gate -- write.",
    source: "database-layer.md, Working with Queries",
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
