use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "constraints_validated",
    level: Level::Block,
    requires: "Every constraint is validated and enforced.",
    why: "Existing rows may violate a constraint that is NOT VALID, and the planner and readers rely on it.",
    fix: "Correct the rows, then run: alter table <table> validate constraint <constraint>.",
    source: "docs/conventions.md#validated-constraints",
    check: Check::Catalogue(include_str!("constraints_validated.sql")),
    breaks: &[sql(
        "alter table events add constraint ck_events_order check (published_at >= created_at) not valid",
        &["events.ck_events_order"],
    )],
};
