//! Keys to users and organizations cascade or set null.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "owner_keys_cascade_or_set_null",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Keys to users and organizations cascade or set null.",
    why: "A person or a tenant that has to be erased cannot be deleted.",
    fix: "Use on delete cascade for what belongs to it, on delete set null for what outlives it.",
    source: "database-layer.md, Conventions Enforced by Tests: Cascade Behavior; architecture.md, Decisions: \
             user foreign keys",
    check: Check::Catalogue(include_str!("owner_keys_cascade_or_set_null.sql")),
    breaks: &[Break {
        by: Mutation::Uncommitted(
            "alter table campaigns drop constraint \
                 fk_campaigns_created_by_user_id_users, add constraint fk_campaigns_created_by_user_id_users \
                 foreign key (created_by_user_id) references users (id) on delete restrict",
        ),
        finds: &["campaigns.fk_campaigns_created_by_user_id_users"],
    }],
};
