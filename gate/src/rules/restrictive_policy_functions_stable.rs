use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "restrictive_policy_functions_stable",
    level: Level::Block,
    requires: "A restrictive policy calls only stable or immutable built-in functions, current_user_id(), current_organization_id(), bound_user_id() and bound_organization_id().",
    why: "A function in a policy can be called with rows of other tenants before they are filtered, and a volatile one is evaluated per row.",
    fix: "Write the condition without the function; read the actor as (select bound_user_id()).",
    source: "docs/conventions.md#functions-in-restrictive-policies",
    check: Check::Catalogue(include_str!("restrictive_policy_functions_stable.sql")),
    breaks: &[
        sql(
            "alter policy author_is_visible on campaigns with check (created_by_user_id = \
             current_setting('app.user_id')::uuid)",
            &["campaigns.author_is_visible"],
        ),
        sql(
            "alter policy author_is_visible on campaigns with check (created_by_user_id = bound_user_id())",
            &["campaigns.author_is_visible"],
        ),
        sql(
            "alter policy author_is_visible on campaigns with check (created_by_user_id = (select \
             current_setting('app.user_id', true)::uuid))",
            &["campaigns.author_is_visible"],
        ),
    ],
};
