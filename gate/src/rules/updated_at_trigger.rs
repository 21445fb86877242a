use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "updated_at_trigger",
    level: Level::Block,
    requires: "Every table has the trigger updated_at: before each update of any column, set_updated_at().",
    why: "Otherwise updated_at keeps the time of the insert, and incremental readers miss updates.",
    fix: "Run: create trigger updated_at before update on <table> for each row execute function set_updated_at().",
    source: "docs/conventions.md#the-updated_at-trigger",
    check: Check::Catalogue(include_str!("updated_at_trigger.sql")),
    breaks: &[
        sql("drop trigger updated_at on events", &["events"]),
        sql(
            "create or replace trigger updated_at after update on users for each row execute function \
             set_updated_at()",
            &["users"],
        ),
        sql(
            "create or replace trigger updated_at before update of email on users for each row execute \
             function set_updated_at()",
            &["users"],
        ),
        sql(
            "create or replace trigger updated_at before update on users for each row execute function \
             suppress_redundant_updates_trigger()",
            &["users"],
        ),
    ],
};
