//! Names are in `snake_case`, shorter than 63 bytes and not reserved; constraints and indexes follow the naming convention.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

pub const RULE: Rule = Rule {
    id: "naming_convention",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Names are in snake_case, shorter than 63 bytes and not reserved; constraints and indexes follow the naming convention.",
    why: "Names that need quotes or do not follow a pattern are misspelled; PostgreSQL truncates longer names silently.",
    fix: "Rename the object as the finding states, in a new migration.",
    source: "docs/conventions.md#names",
    check: Check::Catalogue(include_str!("naming_convention.sql")),
    breaks: &[
        Break {
            by: Mutation::Uncommitted("alter table contacts rename column email to \"eMail\""),
            finds: &["contacts.eMail"],
        },
        Break {
            by: Mutation::Uncommitted("alter table contacts rename column email to \"order\""),
            finds: &["contacts.order"],
        },
        Break {
            by: Mutation::Uncommitted(
                "alter table contacts rename constraint ck_contacts_phone_number_e164 to \
                 phone_number_e164",
            ),
            finds: &["contacts.phone_number_e164"],
        },
        Break {
            by: Mutation::Uncommitted("alter table contacts rename constraint pk_contacts to contacts_pkey"),
            finds: &["contacts.contacts_pkey"],
        },
        Break {
            by: Mutation::Uncommitted(
                "alter table events rename constraint fk_events_contact_id_contacts to \
                 fk_events_contacts",
            ),
            finds: &["events.fk_events_contacts"],
        },
        Break {
            by: Mutation::Uncommitted("alter index ix_contacts_phone rename to ix_contacts_phone_number"),
            finds: &["ix_contacts_phone_number"],
        },
        Break {
            by: Mutation::Uncommitted(
                "alter index ix_contacts_campaign_created_due rename to ix_contacts_due",
            ),
            finds: &["ix_contacts_due"],
        },
        Break {
            by: Mutation::Uncommitted("alter policy tenant_isolation on contacts rename to \"Tenant\""),
            finds: &["contacts.Tenant"],
        },
        Break {
            by: Mutation::Uncommitted(
                "alter table contacts rename constraint ck_contacts_phone_number_e164 to \
                 ck_contacts_of_which_the_number_is_one_that_can_be_dialled_anywhere",
            ),
            finds: &["contacts.ck_contacts_of_which_the_number_is_one_that_can_be_dialled_anyw"],
        },
    ],
};
