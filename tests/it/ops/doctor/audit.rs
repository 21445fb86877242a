//! The seals of the audit trail.

use super::super::Ops;
use super::look;
use tests::{connect, migrated, run};

#[tokio::test]
async fn entries_that_are_not_sealed_are_reported_by_the_age_of_the_oldest() {
    let database = migrated("doctor_seals").await;
    let ops = Ops::on(&database.url());
    let db = connect(&database.url()).await.unwrap();
    assert_eq!(look(&ops, "audit_seals", "").passes().summary, "no seal yet; every entry is sealed");

    // One entry of an organization and one of none; a test may not wait for two days.
    for sql in [
        "insert into organizations (name, slug) values ('One', 'one')",
        "insert into users (oidc_sub, email, name, role) values ('s', 'u@example.com', 'U', 'viewer')",
        "alter table audit_log_entries disable trigger user",
        "update audit_log_entries set created_at = now() - interval '3 days' where organization_id is not null",
        "update audit_log_entries set created_at = now() - interval '8 days' where organization_id is null",
    ] {
        run(&db, sql).await.unwrap();
    }
    look(&ops, "audit_seals", "").fails("audit_log_entries", "not sealed is 8days");
    look(&ops, "audit_seals", "--threshold audit_seals.fail=9d")
        .warns("audit_log_entries", "not sealed is 8days");
    run(&db, "update audit_log_entries set created_at = now() where organization_id is null").await.unwrap();
    look(&ops, "audit_seals", "").warns("audit_log_entries", "not sealed is 3days");

    ops.run("audit seal").succeeds();
    assert_eq!(look(&ops, "audit_seals", "").passes().summary, "the newest seal is 1; every entry is sealed");
}
