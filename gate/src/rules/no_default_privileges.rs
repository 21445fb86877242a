use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "no_default_privileges",
    level: Level::Block,
    requires: "No default privileges grant anything to customer or PUBLIC.",
    why: "A new table would be accessible before its policies exist, without a GRANT in its migration.",
    fix: "Run: alter default privileges … revoke …; grant privileges in each table's migration.",
    source: "docs/conventions.md#default-privileges",
    check: Check::Catalogue(include_str!("no_default_privileges.sql")),
    breaks: &[sql(
        "alter default privileges in schema public grant select on tables to customer",
        &["default privileges"],
    )],
};
