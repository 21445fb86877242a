//! A column with another system's id ends in _extid; what ends in _id is a foreign key.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "external_ids_suffixed",
    level: Level::Block,
    family: Family::Conventions,
    requires: "A column with another system's id ends in _extid; what ends in _id is a foreign key.",
    why: "Somebody joins by it, or gives a typed id where the provider's is asked for.",
    fix: "Rename it to end in _extid; an id that clients know by its name is listed in \
           external_ids_suffixed.sql.",
    source: "database-layer.md, Conventions Enforced by Tests: External IDs; architecture.md, Decisions: \
             external ids",
    check: Check::Catalogue(include_str!("external_ids_suffixed.sql")),
    breaks: &[Break {
        by: Mutation::Uncommitted(
            "alter table campaigns add column crm_id text constraint \
                 ck_campaigns_crm_id_length check (length(crm_id) <= 255); comment on column campaigns.crm_id \
                 is 'What the sales system calls the campaign.'",
        ),
        finds: &["campaigns.crm_id"],
    }],
};
