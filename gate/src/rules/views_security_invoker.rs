//! Every view has `security_invoker`, and none is materialized.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "views_security_invoker",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Every view has security_invoker, and none is materialized.",
    why: "Any other view reads with its owner's rights, whom row security does not bind: it shows every \
           tenant's rows.",
    fix: "alter view <view> set (security_invoker = true).",
    source: "database-layer.md, Conventions Enforced by Tests: Views; \
             https://www.postgresql.org/docs/15/sql-createview.html",
    check: Check::Catalogue(include_str!("views_security_invoker.sql")),
    breaks: &[
        Break { by: Mutation::Uncommitted("create view due as select id from contacts"), finds: &["due"] },
        Break {
            by: Mutation::Uncommitted(
                "create view due with (security_invoker = false, security_barrier) as \
                 select id from contacts",
            ),
            finds: &["due"],
        },
        Break {
            by: Mutation::Uncommitted("create materialized view totals as select count(*) from contacts"),
            finds: &["totals"],
        },
    ],
};
