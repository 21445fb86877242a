use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "categorical_columns_are_enums",
    level: Level::Block,
    requires: "A column with a fixed list of values has an enum type.",
    why: "A list of values in a CHECK constraint is repeated by each client, and a value added later breaks the clients that lack it.",
    fix: "Create an enum type with these values, change the column to it, and drop the CHECK constraint.",
    source: "docs/conventions.md#enum-types",
    check: Check::Catalogue(include_str!("categorical_columns_are_enums.sql")),
    breaks: &[
        sql(
            "create domain mood as text constraint mood_length check (length(value) <= 9) constraint \
             mood_values check (value = 'good' or value = 'bad'); alter table events add column mood mood; \
             comment on column events.mood is 'How the person sounded in the end, as the agent heard it. [personal data: none]'",
            &["events.mood"],
        ),
        sql(
            "alter table events add constraint ck_events_mood check (true), add column mood text constraint \
             ck_events_mood_length check (length(mood) <= 9) constraint ck_events_mood_values check (mood \
             in ('good', 'bad')); comment on column events.mood is 'How the person sounded in the end, as \
             the agent heard it. [personal data: none]'",
            &["events.mood"],
        ),
    ],
};
