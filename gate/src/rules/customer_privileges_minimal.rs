use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "customer_privileges_minimal",
    level: Level::Block,
    requires: "The role customer holds at most SELECT, INSERT, UPDATE by column and DELETE, on relations with policies.",
    why: "TRUNCATE bypasses Row Level Security; REFERENCES and TRIGGER reach rows of other tenants; materialized views, sequences and the ledger have no policies.",
    fix: "Revoke the privilege.",
    source: "docs/conventions.md#privileges-of-the-customer-role",
    check: Check::Catalogue(include_str!("customer_privileges_minimal.sql")),
    breaks: &[
        // PUBLIC includes customer.
        sql(
            "do $$ begin execute format('grant create on database %I to public', current_database()); end $$",
            &["database"],
        ),
        sql("grant update on users to customer", &["users"]),
        sql("grant update (deleted_at) on users to customer", &["users.deleted_at"]),
        sql("grant update (deleted_at) on organizations to customer", &["organizations.deleted_at"]),
        sql("grant update (slug) on organizations to customer", &["organizations.slug"]),
        sql("grant update on contacts to customer", &["contacts"]),
        sql("grant update (updated_at) on contacts to customer", &["contacts.updated_at"]),
        sql("grant delete on campaigns to customer", &["campaigns"]),
    ],
};
