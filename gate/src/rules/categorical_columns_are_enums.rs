//! A column with a fixed list of values has an enum type.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "categorical_columns_are_enums",
    level: Level::Block,
    family: Family::Conventions,
    requires: "A column with a fixed list of values has an enum type.",
    why: "Every client keeps the list of values by itself, and a new value breaks those that were forgotten.",
    fix: "Create an enum type with these values, give it to the column, and drop the check.",
    source: "database-rules.md, Modeling Conventions: Columns",
    check: Check::Catalogue(include_str!("categorical_columns_are_enums.sql")),
    breaks: &[
        Break {
            by: Mutation::Uncommitted(
                "create domain mood as text constraint mood_length check (length(value) <= 9) constraint \
                 mood_values check (value = 'good' or value = 'bad'); alter table events add column mood mood; \
                 comment on column events.mood is 'How the person sounded in the end, as the agent heard it.'",
            ),
            finds: &["events.mood"],
        },
        Break {
            by: Mutation::Uncommitted(
                "alter table events add constraint ck_events_mood check (true), add \
                 column mood text constraint ck_events_mood_length check (length(mood) <= 9) constraint \
                 ck_events_mood_values check (mood in ('good', 'bad')); comment on column events.mood is 'How \
                 the person sounded in the end, as the agent heard it.'",
            ),
            finds: &["events.mood"],
        },
    ],
};
