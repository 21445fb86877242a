//! The ledger, drift, constraints, and the outbox.

use super::super::{Ops, filled};
use super::look;
use tests::{connect, migrated, run};

#[tokio::test]
async fn a_pending_an_unknown_and_a_changed_migration_are_reported() {
    let database = migrated("doctor_ledger").await;
    let ops = Ops::on(&database.url());
    let db = connect(&database.url()).await.unwrap();
    look(&ops, "ledger", "").passes();
    run(&db, "insert into seaql_migrations values ('m20990101_000001_other', 4070908800)").await.unwrap();
    look(&ops, "ledger", "").warns("m20990101_000001_other", "another build applied it on 2099-01-01");
    run(&db, "delete from seaql_migrations where version like '%transcript_snippets'").await.unwrap();
    look(&ops, "ledger", "").fails("seaql_migrations", "migration -- up");
    let url = database.url();
    let changed = migrated("doctor_changed").await;
    let db = connect(&changed.url()).await.unwrap();
    run(&db, "update seaql_migrations set ddl_digest = substr(ddl_digest, 1, 19) || '0123456789abcdef' || substr(ddl_digest, 36) \
         where version like '%create_users'")
        .await
        .unwrap();
    look(&Ops::on(&changed.url()), "ledger", "").fails("create_users", "with other statements");
    look(&Ops::on(&url), "ledger", "").fails("seaql_migrations", "are pending, the first is");
}

#[tokio::test]
async fn a_drifted_column_is_reported_as_the_gate_does_and_the_ledger_is_not() {
    let database = migrated("doctor_drift").await;
    let ops = Ops::on(&database.url());
    look(&ops, "drift", "").passes();
    let db = connect(&database.url()).await.unwrap();
    run(&db, "insert into seaql_migrations values ('m20990101_000001_other', 0)").await.unwrap();
    look(&ops, "drift", "").passes();
    run(&db, "alter table contacts alter phone_number drop not null").await.unwrap();
    let looked = look(&ops, "drift", "");
    looked.fails("column contacts.phone_number", "migration -- generate");
    assert_eq!(looked.findings.len(), 1, "{looked:?}");
}

#[tokio::test]
async fn a_constraint_that_is_not_validated_is_reported() {
    let database = migrated("doctor_constraints").await;
    let ops = Ops::on(&database.url());
    look(&ops, "constraints_validated", "").passes();
    let db = connect(&database.url()).await.unwrap();
    run(&db, "alter table contacts add constraint ck_new check (email <> 'x') not valid").await.unwrap();
    let fix = "alter table contacts validate constraint ck_new";
    look(&ops, "constraints_validated", "").warns("ck_new on contacts", fix);
    run(&db, fix).await.unwrap();
    look(&ops, "constraints_validated", "").passes();
}

#[tokio::test]
async fn what_retention_left_is_reported_by_how_long_it_is_past_its_limit() {
    let database = filled("doctor_retention").await;
    let ops = Ops::on(&database.url());
    let db = connect(&database.url()).await.unwrap();
    let fresh = "delete from retention_runs; delete from email_notifications; \
                 update organizations set deleted_at = null; update users set deleted_at = null; \
                 update campaigns set deleted_at = null; update events set published_at = now(); \
                 update call_attempts set metadata = '{}'; update transcript_snippets set created_at = now()";
    run(&db, fresh).await.unwrap();
    let looked = look(&ops, "retention_backlog", "");
    looked.passes();
    assert_eq!(looked.summary, "no run yet");
    let days = "interval '1 day'";
    for (table, sql, limit) in [
        ("campaigns", "update campaigns set deleted_at = now() - $", 30),
        ("organizations", "update organizations set deleted_at = now() - $", 30),
        ("users", "update users set deleted_at = now() - $", 30),
        ("events", "update events set published_at = now() - $", 90),
        (
            "transcript_snippets",
            "update provider_configs set transcript_retention_days = 10; \
             update transcript_snippets set created_at = now() - $",
            10,
        ),
        (
            "recordings",
            "update provider_configs set recording_retention_days = 20; \
             update call_attempts set started_at = now() - $, metadata = '{\"recording_url\": \"x\"}'",
            20,
        ),
    ] {
        let set = async |age: i64| run(&db, &sql.replace('$', &format!("{age} * {days}"))).await.unwrap();
        set(limit + 1).await;
        look(&ops, "retention_backlog", "").passes();
        set(limit + 3).await;
        look(&ops, "retention_backlog", "").warns(table, "the oldest is 3days past its limit");
        set(limit + 8).await;
        look(&ops, "retention_backlog", "").fails(table, "ops retention run");
        run(&db, fresh).await.unwrap();
    }
    for (outcome, verdict) in [("completed", "pass"), ("incomplete", "warn"), ("failed", "warn")] {
        let sql = format!(
            "insert into retention_runs (until_done, deleted_days, email_days, event_days, outcome, finished_at) \
             values (true, 1, 1, 1, '{outcome}', now())"
        );
        run(&db, &sql).await.unwrap();
        let looked = look(&ops, "retention_backlog", "");
        assert!(looked.summary.ends_with(outcome), "{looked:?}");
        if verdict == "warn" {
            looked.warns("ops retention run", outcome)
        } else {
            looked.passes()
        };
    }
    // By the limit of the last run.
    run(&db, "update campaigns set deleted_at = now() - interval '5 days'").await.unwrap();
    look(&ops, "retention_backlog", "").warns("campaigns", "the oldest is 4days past its limit");
}

#[tokio::test]
async fn an_outbox_that_is_not_published_is_reported_by_age_and_by_number() {
    let database = filled("doctor_outbox").await;
    let ops = Ops::on(&database.url());
    let db = connect(&database.url()).await.unwrap();
    let age = async |age: &str| {
        let sql = format!("update events set published_at = null, created_at = now() - interval '{age}'");
        run(&db, &sql).await.unwrap();
    };
    run(&db, "update events set published_at = now()").await.unwrap();
    look(&ops, "outbox_backlog", "").passes();
    age("4 minutes").await;
    look(&ops, "outbox_backlog", "").passes();
    look(&ops, "outbox_backlog", "--threshold outbox_backlog.count_warn=1")
        .warns("events", "are unpublished");
    age("6 minutes").await;
    look(&ops, "outbox_backlog", "").warns("events", "the oldest unpublished one is 6min");
    age("2 hours").await;
    look(&ops, "outbox_backlog", "").fails("events", "start the publisher");
}
