//! Every policy is for the role customer and for nobody else.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "policies_to_customer_role",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Every policy is for the role customer and for nobody else.",
    why: "A policy for PUBLIC, or for another role, lets in whoever is granted the table next.",
    fix: "alter policy <policy> on <table> to customer.",
    source: "architecture.md, Decisions: policy; https://www.postgresql.org/docs/15/ddl-rowsecurity.html",
    check: Check::Catalogue(include_str!("policies_to_customer_role.sql")),
    breaks: &[
        Break {
            by: Mutation::Uncommitted("alter policy tenant_isolation on contacts to public"),
            finds: &["contacts.tenant_isolation"],
        },
        Break {
            by: Mutation::Uncommitted("alter policy tenant_isolation on contacts to customer, current_user"),
            finds: &["contacts.tenant_isolation"],
        },
    ],
};
