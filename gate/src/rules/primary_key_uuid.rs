use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "primary_key_uuid",
    level: Level::Block,
    requires: "The primary key of every table is the column id, a uuid with the default uuid_generate_v4().",
    why: "Typed ids need a uuid named id; sequential ids reveal the number of rows of other tenants.",
    fix: "Declare: id uuid default uuid_generate_v4(), constraint pk_<table> primary key (id).",
    source: "docs/conventions.md#primary-keys",
    check: Check::Catalogue(include_str!("primary_key_uuid.sql")),
    breaks: &[
        sql("alter table events alter id drop default", &["events"]),
        sql("alter table events alter id set default gen_random_uuid()", &["events"]),
        sql(
            "alter table transcript_snippets drop constraint pk_transcript_snippets",
            &["transcript_snippets"],
        ),
    ],
};
