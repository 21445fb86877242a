use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "one_owner",
    level: Level::Block,
    requires: "All objects have one owner: the role that migrates.",
    why: "Row Level Security does not apply to an owner: its views and functions can expose the rows of every tenant.",
    fix: "Run: alter … owner to the owner of the tables.",
    source: "docs/conventions.md#ownership",
    check: Check::Catalogue(include_str!("one_owner.sql")),
    breaks: &[sql(
        "grant create on schema public to customer; alter table transcript_snippets owner to customer; \
         revoke all on transcript_snippets from customer; revoke create on schema public from customer",
        &["transcript_snippets"],
    )],
};
