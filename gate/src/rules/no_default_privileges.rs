//! No default privileges give the customer or PUBLIC anything of what comes later.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "no_default_privileges",
    level: Level::Block,
    family: Family::Conventions,
    requires: "No default privileges give the customer or PUBLIC anything of what comes later.",
    why: "The next table is open before its policies exist, and nobody granted it.",
    fix: "alter default privileges … revoke …; let each table's migration grant what it means.",
    source: "https://www.postgresql.org/docs/15/sql-alterdefaultprivileges.html; pgrls SEC044",
    check: Check::Catalogue(include_str!("no_default_privileges.sql")),
    breaks: &[Break {
        by: Mutation::Uncommitted(
            "alter default privileges in schema public grant select on tables to \
                 customer",
        ),
        finds: &["default privileges"],
    }],
};
