//! What holds rows is a plain table: logged, here, and without rewrite rules.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "ordinary_tables_only",
    level: Level::Block,
    family: Family::Conventions,
    requires: "What holds rows is a plain table: logged, here, and without rewrite rules.",
    why: "A foreign table has no policies, an unlogged one is empty after a crash and on every replica, a \
           rule runs with the owner's rights.",
    fix: "Make it a plain table; use a trigger in place of a rule.",
    source: "https://www.postgresql.org/docs/15/rules-privileges.html; \
             https://www.postgresql.org/docs/15/sql-createtable.html, UNLOGGED",
    check: Check::Catalogue(include_str!("ordinary_tables_only.sql")),
    breaks: &[
        Break {
            by: Mutation::Uncommitted("alter table transcript_snippets set unlogged"),
            finds: &["transcript_snippets"],
        },
        Break {
            by: Mutation::Uncommitted("create rule forget as on delete to events do instead nothing"),
            finds: &["events.forget"],
        },
    ],
};
