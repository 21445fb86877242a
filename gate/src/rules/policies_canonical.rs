//! Each table has exactly the permissive policies of its kind, with the same expression in USING and WITH CHECK.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

pub const RULE: Rule = Rule {
    id: "policies_canonical",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Each table has exactly the permissive policies of its kind, with the same expression in USING and WITH CHECK.",
    why: "Permissive policies are combined with OR: the widest one decides which rows a customer reads and writes.",
    fix: "Use NewTable::tenant, which creates: for all to customer using and with check (organization_id = (select current_setting('app.organization_id')::uuid)).",
    source: "docs/conventions.md#tenant-policies",
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
