//! `database/src/codegen/mod.rs` is what `database/queries.sql` says.

use crate::codegen;
use crate::rule::{Answer, Break, Check, Family, Level, Mutation, Rule};
use crate::{Subject, artefacts};

/// The rule.
pub const RULE: Rule = Rule {
    id: "generated_queries_current",
    level: Level::Block,
    family: Family::Artefacts,
    says: "The functions of database/queries.sql are generated anew after every change of it or of the schema.",
    harm: "Applications run another SQL than the one that is reviewed.",
    cure: "Run: cargo run -p gate -- write.",
    source: "database-layer.md, Working with Queries",
    check: Check::Subject(look),
    breaks: &[
        Break {
            by: Mutation::Replace { file: codegen::GENERATED, text: "", with: "// edited\n" },
            finds: &[codegen::GENERATED],
        },
        Break {
            by: Mutation::Replace {
                file: codegen::QUERIES,
                text: "",
                with: "\n-- name: Ghost :one\nselect ghost from contacts;\n",
            },
            finds: &[codegen::QUERIES],
        },
    ],
};

fn look(subject: &Subject) -> Answer<'_> {
    Box::pin(artefacts::check(subject, &codegen::KIND))
}
