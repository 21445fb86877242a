//! Every table and column has a sentence that tells more than its name.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "tables_and_columns_documented",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Every table and column has a sentence that tells more than its name.",
    why: "Whoever meets it guesses, and the next application fills it with something else.",
    fix: "Write the sentence in migration/schema_annotations.yaml; `up` brings it into the database.",
    source: "database-layer.md, Conventions Enforced by Tests: Column Documentation",
    check: Check::Catalogue(include_str!("tables_and_columns_documented.sql")),
    breaks: &[
        Break {
            by: Mutation::Uncommitted("comment on column contacts.email is null"),
            finds: &["contacts.email"],
        },
        Break {
            by: Mutation::Uncommitted("comment on table contacts is 'TODO: describe what contacts are'"),
            finds: &["contacts"],
        },
        Break {
            by: Mutation::Uncommitted("comment on column contacts.email is 'The email'"),
            finds: &["contacts.email"],
        },
    ],
};
