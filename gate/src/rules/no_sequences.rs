use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "no_sequences",
    level: Level::Block,
    requires: "No sequences, serial or identity columns.",
    why: "A sequence is shared by all tenants: the gaps that one tenant sees reveal the activity of the others.",
    fix: "Use a uuid, or a count within the tenant.",
    source: "docs/conventions.md#sequences",
    check: Check::Catalogue(include_str!("no_sequences.sql")),
    breaks: &[sql("create sequence tickets", &["tickets"])],
};
