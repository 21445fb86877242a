use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "privileges_granted_to_customer_only",
    level: Level::Block,
    requires: "Nothing is granted to PUBLIC or to a role other than customer and the owner.",
    why: "The policies apply to customer only: another login reads nothing, or with BYPASSRLS the rows of every tenant.",
    fix: "Revoke the privilege; grant a login membership in customer instead.",
    source: "docs/conventions.md#grants-to-other-roles",
    check: Check::Catalogue(include_str!("privileges_granted_to_customer_only.sql")),
    breaks: &[sql("grant select (email) on users to pg_monitor", &["users.email"])],
};
