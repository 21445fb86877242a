//! The role customer holds at most SELECT, INSERT, UPDATE and DELETE, on relations with policies.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

pub const RULE: Rule = Rule {
    id: "customer_privileges_minimal",
    level: Level::Block,
    family: Family::Conventions,
    requires: "The role customer holds at most SELECT, INSERT, UPDATE and DELETE, on relations with policies.",
    why: "TRUNCATE bypasses Row Level Security; REFERENCES and TRIGGER reach rows of other tenants; materialized views, sequences and the ledger have no policies.",
    fix: "Revoke the privilege.",
    source: "docs/conventions.md#privileges-of-the-customer-role",
    check: Check::Catalogue(include_str!("customer_privileges_minimal.sql")),
    breaks: &[
        // PUBLIC includes customer.
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
