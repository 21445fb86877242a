use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "foreign_keys_indexed",
    level: Level::Warn,
    requires: "Every foreign key has an index that begins with its columns, in any order; organization_id may be left out.",
    why: "Deleting a parent row scans the whole referencing table, and so does each join on the key.",
    fix: "Create an index that begins with the key's columns.",
    source: "docs/conventions.md#foreign-key-indexes",
    check: Check::Catalogue(include_str!("foreign_keys_indexed.sql")),
    breaks: &[
        sql("drop index ix_events_contact", &["fk_events_contact_id_contacts"]),
        sql(
            "drop index ix_events_contact; create index ix_events_contact on events (contact_id) where \
             published_at is null; alter index ix_events_contact rename to ix_events_contact_unpublished",
            &["fk_events_contact_id_contacts"],
        ),
        sql(
            "drop index ix_events_contact; create index ix_events_organization on events (organization_id) \
             include (contact_id)",
            &["fk_events_contact_id_contacts"],
        ),
    ],
};
