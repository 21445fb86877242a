use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "no_event_triggers",
    level: Level::Block,
    requires: "There are no event triggers.",
    why: "An event trigger runs during every later migration, with its privileges, and does not appear in its SQL.",
    fix: "Run: drop event trigger <trigger>.",
    source: "docs/conventions.md#event-triggers",
    check: Check::Catalogue(include_str!("no_event_triggers.sql")),
    breaks: &[sql(
        "create function note() returns event_trigger language plpgsql as 'begin end'; create event trigger \
         notes on ddl_command_end execute function note()",
        &["notes"],
    )],
};
