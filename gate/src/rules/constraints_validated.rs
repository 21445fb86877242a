//! Every constraint is validated and enforced.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

pub const RULE: Rule = Rule {
    id: "constraints_validated",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Every constraint is validated and enforced.",
    why: "Existing rows may violate a constraint that is NOT VALID, and the planner and readers rely on it.",
    fix: "Correct the rows, then run: alter table <table> validate constraint <constraint>.",
    source: "docs/conventions.md#validated-constraints",
    check: Check::Catalogue(include_str!("constraints_validated.sql")),
    breaks: &[
        Break {
            by: Mutation::Uncommitted(
                "alter table events drop constraint fk_events_contact_id_contacts, add \
                 constraint fk_events_contact_id_contacts foreign key (organization_id, contact_id) \
                 references contacts (organization_id, id) on delete cascade not valid",
            ),
            finds: &["events.fk_events_contact_id_contacts"],
        },
        Break {
            by: Mutation::Uncommitted(
                "alter table events add constraint ck_events_order check (published_at >= \
                 created_at) not valid",
            ),
            finds: &["events.ck_events_order"],
        },
    ],
};
