use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "foreign_keys_on_delete_action",
    level: Level::Block,
    requires: "Every foreign key states its ON DELETE action: CASCADE, SET NULL or RESTRICT.",
    why: "NO ACTION is the default and not a decision: the first deletion of a parent row fails in production.",
    fix: "Add on delete cascade, set null or restrict.",
    source: "docs/conventions.md#on-delete-actions",
    check: Check::Catalogue(include_str!("foreign_keys_on_delete_action.sql")),
    breaks: &[sql(
        "alter table events drop constraint fk_events_contact_id_contacts, add constraint \
         fk_events_contact_id_contacts foreign key (organization_id, contact_id) references contacts \
         (organization_id, id)",
        &["events.fk_events_contact_id_contacts"],
    )],
};
