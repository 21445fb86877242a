//! The role customer holds at most SELECT, INSERT, UPDATE by column and DELETE, on relations with policies.

use crate::rule::{Check, Family, Level, Rule, uncommitted};

pub const RULE: Rule = Rule {
    id: "customer_privileges_minimal",
    level: Level::Block,
    family: Family::Conventions,
    requires: "The role customer holds at most SELECT, INSERT, UPDATE by column and DELETE, on relations with policies.",
    why: "TRUNCATE bypasses Row Level Security; REFERENCES and TRIGGER reach rows of other tenants; materialized views, sequences and the ledger have no policies.",
    fix: "Revoke the privilege.",
    source: "docs/conventions.md#privileges-of-the-customer-role",
    check: Check::Catalogue(include_str!("customer_privileges_minimal.sql")),
    breaks: &[
        // PUBLIC includes customer.
        uncommitted(
            "do $$ begin execute format('grant create on database %I to public', current_database()); end $$",
            &["database"],
        ),
        uncommitted("grant truncate on contacts to customer", &["contacts"]),
        uncommitted("grant references, trigger on contacts to customer", &["contacts"]),
        uncommitted("grant select on contacts to customer with grant option", &["contacts"]),
        uncommitted("grant insert on user_organizations to customer", &["user_organizations"]),
        uncommitted("grant update on users to customer", &["users"]),
        uncommitted("grant update (role) on users to customer", &["users.role"]),
        uncommitted("grant update (deleted_at) on users to customer", &["users.deleted_at"]),
        uncommitted("grant update (deleted_at) on organizations to customer", &["organizations.deleted_at"]),
        uncommitted("grant update (slug) on organizations to customer", &["organizations.slug"]),
        uncommitted("grant update on contacts to customer", &["contacts"]),
        uncommitted("grant update (updated_at) on contacts to customer", &["contacts.updated_at"]),
        uncommitted("grant delete on campaigns to customer", &["campaigns"]),
        uncommitted("grant select on seaql_migrations to customer", &["seaql_migrations"]),
        uncommitted("grant create on schema public to customer", &["schema public"]),
        uncommitted(
            "grant set on parameter session_replication_role to customer",
            &["parameter session_replication_role"],
        ),
    ],
};
