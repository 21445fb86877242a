//! No trigger is switched off, least of all those by which foreign keys are kept.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "triggers_enabled",
    level: Level::Block,
    family: Family::Conventions,
    requires: "No trigger is switched off, least of all those by which foreign keys are kept.",
    why: "Rows refer to nothing or to another tenant's, and the catalogue still shows the key.",
    fix: "Switch them on: alter table <table> enable trigger all. Then look for the rows that came \
           meanwhile.",
    source: "https://www.postgresql.org/docs/15/sql-altertable.html, DISABLE TRIGGER",
    check: Check::Catalogue(include_str!("triggers_enabled.sql")),
    breaks: &[
        Break {
            by: Mutation::Uncommitted("alter table events disable trigger updated_at"),
            finds: &["events"],
        },
        Break { by: Mutation::Uncommitted("alter table events disable trigger all"), finds: &["events"] },
        Break {
            by: Mutation::Uncommitted("alter table users enable replica trigger updated_at"),
            finds: &["users"],
        },
    ],
};
