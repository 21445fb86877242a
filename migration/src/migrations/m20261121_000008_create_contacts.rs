//! Creates `contacts`: the people that a campaign calls.
//!
//! Intent: the scheduler claims due contacts. It reads those with each number of attempts that the campaign allows
//! (`ix_contacts_campaign_attempts_count_last_attempt_created_due`), and so neither contacts without an attempt left
//! nor contacts whose retry interval has not passed, of which there may be any number. Older clients select by
//! `created_at` alone (`ix_contacts_campaign_created_due`). Counts select by campaign and state; lists and retention
//! read a campaign in the order of `created_at` and `id`, because contacts that were imported together have one
//! `created_at`; exclusion and inbound calls select by phone number. The predicate of the schedulers' indexes contains
//! only the state: clients write `do_not_call is false`, which an index on `do_not_call = false` does not serve.
//! A list of one state has a partial index for each state, which holds each contact once: equality of enums is not
//! leakproof, so that under Row Level Security no index is searched by a state, but its predicate is compared with the
//! statement.
//! The policy adds `organization_id` to a customer's counts by state. Without an index that contains it, each contact
//! would be fetched (`ix_contacts_organization_campaign_state`). As an included column of the index by campaign and
//! state it would prevent deduplication, and that index would be nine times as large.
//! Risk: writes to the tables under Locks wait until the migration commits. Reads do not wait, and nothing is
//! rewritten.
//! Locks: campaigns (share row exclusive: the key); organizations (share row exclusive: the key).
//! Down: drops every contact and, by cascade, its calls and answers.

use super::m20261121_000001_create_enums::{CALL_OUTCOME, CONTACT_LANGUAGE, CONTACT_STATE};
use crate::ddl::{NewTable, drop_table};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, boolean, text, text_null, timestamp_with_time_zone_null, uuid};

const CUSTOMER_PRIVILEGES: &str = "select, insert, update (\
    external_contact_id, phone_number, email, do_not_call, state, attempts_count, last_attempt_at, last_outcome)";

#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = NewTable::tenant(manager, "contacts", CUSTOMER_PRIVILEGES)
            .column(uuid("campaign_id"))
            .text(text_null("external_contact_id"), 255)
            .text(text("phone_number"), 50)
            .text(text_null("email"), 255)
            .column(CONTACT_LANGUAGE.column("preferred_language").default("auto"))
            .column(boolean("has_prior_consent").default(false))
            .column(boolean("do_not_call").default(false))
            .column(CONTACT_STATE.column("state").default("pending"))
            .column(big_integer("attempts_count").default(0))
            .column(timestamp_with_time_zone_null("last_attempt_at"))
            .column(CALL_OUTCOME.column_null("last_outcome"))
            // Erasure writes DELETED over the number.
            .check_as(
                "phone_number_e164",
                "phone_number = 'DELETED' or phone_number ~ '^[+][1-9][0-9]{1,14}$'",
                "phone_number = 'DELETED' or (phone_number glob '+[1-9][0-9]*' and substr(phone_number, 2) not glob '*[^0-9]*' \
                 and length(phone_number) between 3 and 16)",
            )
            .check("attempts_count_range", "attempts_count >= 0")
            .references_own("campaign_id", "campaigns", ForeignKeyAction::Cascade)
            .unique(&["organization_id", "id"])
            .index(&["campaign_id", "state"])
            .index(&["organization_id", "campaign_id", "state"])
            .index(&["phone_number"])
            .index(&["campaign_id", "created_at", "id"])
            .index_where(&["campaign_id", "created_at"], "due", "state in ('pending', 'not_reached')")
            .index_where(
                &["campaign_id", "attempts_count", "last_attempt_at", "created_at"],
                "due",
                "state in ('pending', 'not_reached')",
            );
        for state in CONTACT_STATE.values {
            table =
                table.index_where(&["campaign_id", "created_at", "id"], state, &format!("state = '{state}'"));
        }
        table.create(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "contacts").await
    }
}
