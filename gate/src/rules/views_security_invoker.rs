use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "views_security_invoker",
    level: Level::Block,
    requires: "Every view has security_invoker = true, and there are no materialized views.",
    why: "Another view runs with its owner's privileges, to which Row Level Security does not apply: it returns the rows of every tenant.",
    fix: "Run: alter view <view> set (security_invoker = true).",
    source: "docs/conventions.md#views",
    check: Check::Catalogue(include_str!("views_security_invoker.sql")),
    breaks: &[sql("create view due as select id from contacts", &["due"])],
};
