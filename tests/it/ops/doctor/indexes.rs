//! Invalid, duplicate and unused indexes.

use super::super::Ops;
use super::look;
use tests::{connect, migrated, run};

#[tokio::test]
async fn an_index_whose_build_failed_is_reported_until_it_is_dropped() {
    let database = migrated("doctor_invalid").await;
    let ops = Ops::on(&database.url());
    let db = connect(&database.url()).await.unwrap();
    look(&ops, "invalid_indexes", "").passes();
    run(&db, "create table numbers as select 1 as number from generate_series(1, 2)").await.unwrap();
    run(&db, "create unique index concurrently uq_numbers on numbers (number)").await.unwrap_err();
    look(&ops, "invalid_indexes", "").fails("the index uq_numbers", "drop index concurrently uq_numbers");
    run(&db, "drop index concurrently uq_numbers").await.unwrap();
    look(&ops, "invalid_indexes", "").passes();
}

#[tokio::test]
async fn the_younger_of_two_equal_indexes_is_reported_and_that_of_a_constraint_is_kept() {
    let database = migrated("doctor_duplicates").await;
    let ops = Ops::on(&database.url());
    let db = connect(&database.url()).await.unwrap();
    look(&ops, "duplicate_indexes", "").passes();
    for different in ["(phone_number desc)", "(phone_number) where do_not_call", "(lower(phone_number))"] {
        run(&db, &format!("create index on contacts {different}")).await.unwrap();
    }
    look(&ops, "duplicate_indexes", "").passes();
    run(&db, "create index a_copy on contacts (phone_number)").await.unwrap();
    run(&db, "create index a_slug on organizations (slug)").await.unwrap();
    let looked = look(&ops, "duplicate_indexes", "");
    looked.warns("the index a_copy", "it equals ix_contacts_phone");
    looked.warns("the index a_slug", "it equals uq_organizations_slug");
    assert_eq!(looked.findings.len(), 2, "{looked:?}");
}

#[tokio::test]
async fn an_index_that_no_scan_uses_is_reported_unless_a_key_needs_it() {
    let database = migrated("doctor_unused").await;
    let ops = Ops::on(&database.url());
    let db = connect(&database.url()).await.unwrap();
    run(&db, "create index ix_contacts_email on contacts (email)").await.unwrap();
    run(&db, "create index ix_events_updated on events (updated_at)").await.unwrap();
    look(&ops, "unused_indexes", "").passes();
    let all = "--threshold unused_indexes.least=0B --threshold unused_indexes.scans=100";
    run(&db, "do $$ begin for i in 1..100 loop perform from contacts; end loop; end $$").await.unwrap();
    run(&db, "do $$ begin for i in 1..100 loop perform from events; end loop; end $$").await.unwrap();
    run(&db, "set enable_seqscan = off").await.unwrap();
    run(&db, "select from events where updated_at > now()").await.unwrap();
    run(&db, "select pg_stat_force_next_flush()").await.unwrap();
    run(&db, "select 1").await.unwrap();
    let looked = look(&ops, "unused_indexes", all);
    looked.warns("the index ix_contacts_email", "scans of contacts");
    let is_reported = |index: &str| looked.findings.iter().any(|[object, ..]| object.ends_with(index));
    assert!(!is_reported(" ix_events_updated"), "it was used: {looked:?}");
    assert!(!is_reported(" ix_contacts_campaign_created"), "it begins with a key: {looked:?}");
    assert!(!is_reported(" ix_events_contact"), "it begins with a key: {looked:?}");
    look(&ops, "unused_indexes", "--threshold unused_indexes.least=0B").passes();
}
