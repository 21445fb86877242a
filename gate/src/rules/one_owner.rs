//! Everything has one owner, the role that migrates.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "one_owner",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Everything has one owner, the role that migrates.",
    why: "An owner is not bound by row security: its views show, and its tables hold, the rows of every \
           tenant.",
    fix: "alter … owner to the owner of the tables.",
    source: "architecture.md, Decisions: RLS and owners; \
             https://www.postgresql.org/docs/15/ddl-rowsecurity.html",
    check: Check::Catalogue(include_str!("one_owner.sql")),
    breaks: &[Break {
        by: Mutation::Uncommitted(
            "grant create on schema public to customer; alter table \
                 transcript_snippets owner to customer; revoke all on transcript_snippets from customer; \
                 revoke create on schema public from customer",
        ),
        finds: &["transcript_snippets"],
    }],
};
