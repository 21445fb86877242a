//! The customer may select, insert, update and delete where a policy says which rows, and nothing else.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "customer_privileges_minimal",
    level: Level::Block,
    family: Family::Conventions,
    requires: "The customer may select, insert, update and delete where a policy says which rows, and nothing \
           else.",
    why: "TRUNCATE ignores row security; REFERENCES and TRIGGER reach other tenants' rows; a materialized \
           view, a sequence and the ledger have no policies at all.",
    fix: "Revoke the privilege.",
    source: "https://www.postgresql.org/docs/15/ddl-rowsecurity.html; data-model.md, Tables",
    check: Check::Catalogue(include_str!("customer_privileges_minimal.sql")),
    breaks: &[
        // Everybody is a customer, too.
        Break {
            by: Mutation::Uncommitted(
                "do $$ begin execute format('grant create on database %I to public', current_database()); end $$",
            ),
            finds: &["database"],
        },
        Break { by: Mutation::Uncommitted("grant truncate on contacts to customer"), finds: &["contacts"] },
        Break {
            by: Mutation::Uncommitted("grant references, trigger on contacts to customer"),
            finds: &["contacts"],
        },
        Break {
            by: Mutation::Uncommitted("grant select on contacts to customer with grant option"),
            finds: &["contacts"],
        },
        Break {
            by: Mutation::Uncommitted("grant insert on user_organizations to customer"),
            finds: &["user_organizations"],
        },
        Break { by: Mutation::Uncommitted("grant update on users to customer"), finds: &["users"] },
        Break {
            by: Mutation::Uncommitted("grant update (role) on users to customer"),
            finds: &["users.role"],
        },
        Break {
            by: Mutation::Uncommitted("grant select on seaql_migrations to customer"),
            finds: &["seaql_migrations"],
        },
        Break {
            by: Mutation::Uncommitted("grant create on schema public to customer"),
            finds: &["schema public"],
        },
        Break {
            by: Mutation::Uncommitted("grant set on parameter session_replication_role to customer"),
            finds: &["parameter session_replication_role"],
        },
    ],
};
