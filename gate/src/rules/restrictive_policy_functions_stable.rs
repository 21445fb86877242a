//! A restrictive policy calls only stable or immutable built-in functions, `current_user_id()` and `current_organization_id()`.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

pub const RULE: Rule = Rule {
    id: "restrictive_policy_functions_stable",
    level: Level::Block,
    family: Family::Conventions,
    requires: "A restrictive policy calls only stable or immutable built-in functions, current_user_id() and current_organization_id().",
    why: "A function in a policy can be called with rows of other tenants before they are filtered, and a volatile one is evaluated per row.",
    fix: "Write the condition without the function; read a setting as (select current_setting('app.…')::uuid).",
    source: "docs/conventions.md#functions-in-restrictive-policies",
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
