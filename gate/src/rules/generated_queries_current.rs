//! `database/src/generated/` is current with `database/queries/`.

use crate::codegen;
use crate::rule::{Answer, Break, Check, Family, Level, Mutation, Rule};
use crate::{Subject, artefacts};

/// The rule.
pub const RULE: Rule = Rule {
    id: "generated_queries_current",
    level: Level::Block,
    family: Family::Artefacts,
    says: "The functions of database/queries/ are regenerated after every change of a query or of the schema.",
    harm: "Applications run another SQL than the one that is reviewed.",
    cure: "Run: cargo run -p gate -- write.",
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
    Box::pin(artefacts::check(subject, &codegen::KIND))
}
