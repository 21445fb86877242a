use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "policies_canonical",
    level: Level::Block,
    requires: "Each table has exactly the permissive policies of its kind, with the same expression in USING and WITH CHECK.",
    why: "Permissive policies are combined with OR: the widest one decides which rows a customer reads and writes.",
    fix: "Use NewTable::tenant, which creates: for all to customer using and with check (organization_id = (select bound_organization_id())).",
    source: "docs/conventions.md#tenant-policies",
    check: Check::Catalogue(include_str!("policies_canonical.sql")),
    breaks: &[
        sql("drop policy users_visible on users", &["users"]),
        // It can be set by an injected statement.
        sql(
            "alter policy tenant_isolation on contacts using (organization_id = (select \
             current_setting('app.organization_id')::uuid))",
            &["contacts.tenant_isolation"],
        ),
        sql("create policy own on signing_keys for select to customer using (true)", &["signing_keys.own"]),
        sql(
            "create policy also on contacts to customer using (organization_id = (select \
             bound_organization_id())) with check (organization_id = (select bound_organization_id()))",
            &["contacts.also"],
        ),
    ],
};
