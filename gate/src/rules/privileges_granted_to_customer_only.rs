//! Nothing is granted to PUBLIC or to any role but the customer and the owner.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "privileges_granted_to_customer_only",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Nothing is granted to PUBLIC or to any role but the customer and the owner.",
    why: "Logins that nobody thought of read the tables, by policies that were not written for them or by an \
           attribute above policies.",
    fix: "Revoke it; give a login what it needs through the role customer.",
    source: "architecture.md, Decisions: RLS and owners; https://www.postgresql.org/docs/15/ddl-priv.html",
    check: Check::Catalogue(include_str!("privileges_granted_to_customer_only.sql")),
    breaks: &[
        Break { by: Mutation::Uncommitted("grant select on contacts to public"), finds: &["contacts"] },
        Break {
            by: Mutation::Uncommitted("grant select (email) on users to pg_monitor"),
            finds: &["users.email"],
        },
        Break {
            by: Mutation::Uncommitted("grant create on schema public to public"),
            finds: &["schema public"],
        },
    ],
};
