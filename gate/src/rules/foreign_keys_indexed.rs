//! An index begins with the columns of every foreign key.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "foreign_keys_indexed",
    level: Level::Warn,
    family: Family::Conventions,
    requires: "An index begins with the columns of every foreign key, in any order, the tenant's column aside.",
    why: "Deleting a parent scans this whole table, and so does every join along the key.",
    fix: "Add an index that begins with the key's columns.",
    source: "lane-guide-sql.md, Default Gate Policy: foreign_keys_indexed; \
             https://www.postgresql.org/docs/15/ddl-constraints.html#DDL-CONSTRAINTS-FK",
    check: Check::Catalogue(include_str!("foreign_keys_indexed.sql")),
    breaks: &[
        Break {
            by: Mutation::Uncommitted("drop index ix_events_contact"),
            finds: &["fk_events_contact_id_contacts"],
        },
        Break {
            by: Mutation::Uncommitted(
                "drop index ix_events_contact; create index ix_events_contact on events \
                 (contact_id) where published_at is null; alter index ix_events_contact rename to \
                 ix_events_contact_unpublished",
            ),
            finds: &["fk_events_contact_id_contacts"],
        },
        Break {
            by: Mutation::Uncommitted(
                "drop index ix_events_contact; create index ix_events_organization on \
                 events (organization_id) include (contact_id)",
            ),
            finds: &["fk_events_contact_id_contacts"],
        },
    ],
};
