//! Each table has the permissive policies of its kind, word for word, in USING and WITH CHECK, and no other ones.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "policies_canonical",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Each table has the permissive policies of its kind, word for word, in USING and WITH CHECK, and no \
           other ones.",
    why: "Permissive policies are alternatives: the widest one decides which tenants' rows a customer reads \
           and writes.",
    fix: "Use NewTable::tenant, whose policy is: for all to customer using and with check (organization_id = \
           (select current_setting('app.organization_id')::uuid)).",
    source: "architecture.md, Decisions: policy; https://www.postgresql.org/docs/15/sql-createpolicy.html",
    check: Check::Catalogue(include_str!("policies_canonical.sql")),
    breaks: &[
        Break { by: Mutation::Uncommitted("drop policy tenant_isolation on contacts"), finds: &["contacts"] },
        Break { by: Mutation::Uncommitted("drop policy users_visible on users"), finds: &["users"] },
        Break {
            by: Mutation::Uncommitted("alter policy tenant_isolation on contacts using (true)"),
            finds: &["contacts.tenant_isolation"],
        },
        Break {
            by: Mutation::Uncommitted("alter policy tenant_isolation on contacts with check (true)"),
            finds: &["contacts.tenant_isolation"],
        },
        Break {
            by: Mutation::Uncommitted(
                "alter policy tenant_isolation on contacts using (organization_id = \
                 (select current_setting('app.organization_id', true)::uuid))",
            ),
            finds: &["contacts.tenant_isolation"],
        },
        Break {
            by: Mutation::Uncommitted(
                "create policy support on contacts to customer using (state = 'refused')",
            ),
            finds: &["contacts.support"],
        },
        Break {
            by: Mutation::Uncommitted(
                "create policy also on contacts to customer using (organization_id = \
                 (select current_setting('app.organization_id')::uuid)) with check (organization_id = (select \
                 current_setting('app.organization_id')::uuid))",
            ),
            finds: &["contacts.also"],
        },
    ],
};
