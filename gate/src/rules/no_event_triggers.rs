//! There is no event trigger.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "no_event_triggers",
    level: Level::Block,
    family: Family::Conventions,
    requires: "There is no event trigger.",
    why: "It runs in every later migration, with that one's rights, and no migration shows it.",
    fix: "drop event trigger <trigger>.",
    source: "https://www.postgresql.org/docs/15/event-triggers.html",
    check: Check::Catalogue(include_str!("no_event_triggers.sql")),
    breaks: &[Break {
        by: Mutation::Uncommitted(
            "create function note() returns event_trigger language plpgsql as 'begin \
                 end'; create event trigger notes on ddl_command_end execute function note()",
        ),
        finds: &["notes"],
    }],
};
