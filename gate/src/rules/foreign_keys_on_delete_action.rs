//! Every foreign key says what deleting the parent does.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "foreign_keys_on_delete_action",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Every foreign key says what deleting the parent does.",
    why: "NO ACTION is what a key has that nobody thought about: the first deletion of a parent fails in \
           production.",
    fix: "Decide: on delete cascade, set null or restrict.",
    source: "database-rules.md, Modeling Conventions: Foreign Keys",
    check: Check::Catalogue(include_str!("foreign_keys_on_delete_action.sql")),
    breaks: &[Break {
        by: Mutation::Uncommitted(
            "alter table events drop constraint fk_events_contact_id_contacts, add \
                 constraint fk_events_contact_id_contacts foreign key (organization_id, contact_id) \
                 references contacts (organization_id, id)",
        ),
        finds: &["events.fk_events_contact_id_contacts"],
    }],
};
