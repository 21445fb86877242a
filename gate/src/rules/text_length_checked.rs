use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "text_length_checked",
    level: Level::Block,
    requires: "Text columns have the type text and a named CHECK constraint on their length, except prose that is listed as unbounded.",
    why: "Without a limit one request can store a gigabyte; the limit of varchar(n) has no constraint name, and changing it needs ACCESS EXCLUSIVE.",
    fix: "Change the type to text and add the check ck_<table>_<column>_length; list a prose column in text_length_checked.sql, with the reason.",
    source: "docs/conventions.md#text-length",
    check: Check::Catalogue(include_str!("text_length_checked.sql")),
    breaks: &[
        sql("alter table contacts drop constraint ck_contacts_email_length", &["contacts.email"]),
        sql(
            "alter table exclusion_list_entries alter reason type varchar(20)",
            &["exclusion_list_entries.reason"],
        ),
        // An array limits its number of elements; a domain limits their length.
        sql(
            "alter table events add column tags text[]; comment on column events.tags is 'Words to find the \
             event by, as the agent gave them. [personal data: none]'",
            &["events.tags"],
        ),
    ],
};
