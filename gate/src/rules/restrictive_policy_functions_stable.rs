//! A restrictive policy calls only PostgreSQL's own functions that do not change, and ours that tell who is bound.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "restrictive_policy_functions_stable",
    level: Level::Block,
    family: Family::Conventions,
    requires: "A restrictive policy calls only PostgreSQL's own functions that do not change, and ours that tell \
           who is bound.",
    why: "A function in a policy is called with rows of other tenants, before they are filtered, or answers \
           another thing each time.",
    fix: "Write the condition without the function; read a setting as (select \
           current_setting('app.…')::uuid).",
    source: "https://www.postgresql.org/docs/15/rules-privileges.html; pgrls SEC046, PERF001, PERF002",
    check: Check::Catalogue(include_str!("restrictive_policy_functions_stable.sql")),
    breaks: &[
        Break {
            by: Mutation::Uncommitted(
                "alter policy author_is_visible on campaigns with check (random() < 0.5)",
            ),
            finds: &["campaigns.author_is_visible"],
        },
        Break {
            by: Mutation::Uncommitted(
                "create function judge(uuid) returns boolean language sql immutable \
                 return true; alter policy author_is_visible on campaigns with check (judge(id))",
            ),
            finds: &["campaigns.author_is_visible"],
        },
        Break {
            by: Mutation::Uncommitted(
                "alter policy author_is_visible on campaigns with check \
                 (created_by_user_id = current_setting('app.user_id')::uuid)",
            ),
            finds: &["campaigns.author_is_visible"],
        },
        Break {
            by: Mutation::Uncommitted(
                "alter policy author_is_visible on campaigns with check \
                 (created_by_user_id = (select current_setting('app.user_id', true)::uuid))",
            ),
            finds: &["campaigns.author_is_visible"],
        },
    ],
};
