//! The role customer has no power of its own: no attribute, no membership, no setting.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "customer_role_unprivileged",
    level: Level::Block,
    family: Family::Conventions,
    requires: "The role customer has no power of its own: no attribute, no membership, no setting.",
    why: "Row security does not bind a role that is a superuser, bypasses it, becomes the owner, or is bound \
           to a tenant by default.",
    fix: "alter role customer nosuperuser nobypassrls nocreatedb nocreaterole noreplication; revoke its \
           memberships; reset its settings.",
    source: "architecture.md, Decisions: RLS and owners; \
             https://www.postgresql.org/docs/15/role-attributes.html",
    check: Check::Catalogue(include_str!("customer_role_unprivileged.sql")),
    breaks: &[
        Break { by: Mutation::Uncommitted("alter role customer createdb"), finds: &["customer"] },
        Break { by: Mutation::Uncommitted("grant pg_read_all_data to customer"), finds: &["customer"] },
        Break {
            by: Mutation::Uncommitted("alter role customer set row_security = off"),
            finds: &["customer"],
        },
        Break { by: Mutation::Uncommitted("alter role customer bypassrls"), finds: &["customer"] },
    ],
};
