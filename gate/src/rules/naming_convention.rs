use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "naming_convention",
    level: Level::Block,
    requires: "Names are in snake_case, shorter than 63 bytes and not reserved; constraints and indexes follow the naming convention.",
    why: "Names that need quotes or do not follow a pattern are misspelled; PostgreSQL truncates longer names silently.",
    fix: "Rename the object as the finding states, in a new migration.",
    source: "docs/conventions.md#names",
    check: Check::Catalogue(include_str!("naming_convention.sql")),
    breaks: &[
        sql("alter table contacts rename column email to \"eMail\"", &["contacts.eMail"]),
        sql("alter table contacts rename column email to \"order\"", &["contacts.order"]),
        sql(
            "alter table contacts rename constraint ck_contacts_phone_number_e164 to phone_number_e164",
            &["contacts.phone_number_e164"],
        ),
        sql(
            "alter table contacts rename constraint pk_contacts to contacts_pkey",
            &["contacts.contacts_pkey"],
        ),
        sql(
            "alter table events rename constraint fk_events_contact_id_contacts to fk_events_contacts",
            &["events.fk_events_contacts"],
        ),
        sql(
            "alter index ix_contacts_phone rename to ix_contacts_phone_number",
            &["ix_contacts_phone_number"],
        ),
        sql("alter index ix_contacts_campaign_created_due rename to ix_contacts_due", &["ix_contacts_due"]),
        sql("alter policy tenant_isolation on contacts rename to \"Tenant\"", &["contacts.Tenant"]),
        sql(
            "alter table contacts rename constraint ck_contacts_phone_number_e164 to \
             ck_contacts_of_which_the_number_is_one_that_can_be_dialled_anywhere",
            &["contacts.ck_contacts_of_which_the_number_is_one_that_can_be_dialled_anyw"],
        ),
    ],
};
