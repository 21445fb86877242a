use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "policies_to_customer_role",
    level: Level::Block,
    requires: "Every policy applies TO customer and to no other role.",
    why: "A policy for PUBLIC or another role applies to each role that is granted the table later.",
    fix: "Run: alter policy <policy> on <table> to customer.",
    source: "docs/conventions.md#roles-of-policies",
    check: Check::Catalogue(include_str!("policies_to_customer_role.sql")),
    breaks: &[sql(
        "alter policy tenant_isolation on contacts to customer, current_user",
        &["contacts.tenant_isolation"],
    )],
};
