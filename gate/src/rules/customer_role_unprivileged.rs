use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "customer_role_unprivileged",
    level: Level::Block,
    requires: "The role customer has no attributes, no memberships and no settings.",
    why: "Row Level Security does not apply to a superuser, a role with BYPASSRLS or the owner, and a setting can bind a default tenant.",
    fix: "Run: alter role customer nosuperuser nobypassrls nocreatedb nocreaterole noreplication; revoke its memberships; reset its settings.",
    source: "docs/conventions.md#the-customer-role",
    check: Check::Catalogue(include_str!("customer_role_unprivileged.sql")),
    breaks: &[sql("alter role customer createdb", &["customer"])],
};
