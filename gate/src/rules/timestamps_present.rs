//! Every table has `created_at` and `updated_at`: timestamptz, not null, default `now()`.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

pub const RULE: Rule = Rule {
    id: "timestamps_present",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Every table has created_at and updated_at: timestamptz, not null, default now().",
    why: "Without them the age of a row is unknown, and incremental exports miss changed rows.",
    fix: "Add the column: timestamptz not null default now().",
    source: "docs/conventions.md#created_at-and-updated_at",
    check: Check::Catalogue(include_str!("timestamps_present.sql")),
    breaks: &[
        Break {
            by: Mutation::Uncommitted("alter table events drop column updated_at"),
            finds: &["events.updated_at"],
        },
        Break {
            by: Mutation::Uncommitted("alter table users alter created_at drop not null"),
            finds: &["users.created_at"],
        },
        Break {
            by: Mutation::Uncommitted("alter table users alter updated_at drop default"),
            finds: &["users.updated_at"],
        },
    ],
};
