//! Slow statements, by the names of our queries.

use super::super::Ops;
use super::look;
use database::contacts;
use sea_orm::prelude::ChronoTime;
use tests::factory::{T, open, settings};
use tests::{SECRET, connect, migrate, private_server, run};

#[tokio::test]
async fn a_slow_statement_is_reported_by_the_name_of_its_query_and_never_by_its_text() {
    let settings_of_server = [("shared_preload_libraries", "pg_stat_statements")];
    let Some(server) = private_server::start_with(false, &settings_of_server, "slow statements") else {
        return;
    };
    let url = server.url("postgres");
    migrate(&url).await;
    let ops = Ops::on(&url);
    look(&ops, "slow_statements", "").is_skipped("pg_stat_statements", "create extension");
    let db = connect(&url).await.unwrap();
    run(&db, "create schema \"of the extension\"").await.unwrap();
    run(&db, "create extension pg_stat_statements schema \"of the extension\"").await.unwrap();

    let t = T::on(open(&settings(&[("DATABASE_URL", &url)])).await).await;
    let campaign = t.factory.campaign(&t.organization).await;
    t.factory.provider_config(&t.organization).await;
    t.factory.contact(&campaign).await;
    for _ in 0..3 {
        let tx = t.customer().await;
        contacts::claim_due(&tx, campaign.id, 1, ChronoTime::default).await.unwrap();
        contacts::count_by_state(&tx, campaign.id).await.unwrap();
        tx.commit().await.unwrap();
    }
    run(&db, &format!("comment on column users.email is '{SECRET}'")).await.unwrap();
    run(&db, &format!("alter role postgres password '{SECRET}'")).await.unwrap();
    let everything = "--threshold slow_statements.warn=0s --threshold slow_statements.calls=1";
    let looked = look(&ops, "slow_statements", everything);
    for name in
        ["contacts.claim_due", "contacts.lock_calls", "insert of organizations", "a statement of users"]
    {
        looked.warns(name, "in the mean of");
    }
    let calls = looked.findings.iter().find(|[object, ..]| object == "contacts.claim_due").unwrap();
    assert!(calls[1].contains("of 3 calls"), "{calls:?}");
    look(&ops, "slow_statements", "--threshold slow_statements.fail=0s --threshold slow_statements.calls=3")
        .fails("contacts.claim_due", "explain (analyze, buffers)");
    look(
        &ops,
        "slow_statements",
        "--threshold slow_statements.calls=1000000 --threshold slow_statements.warn=0s",
    )
    .passes();
    // With the built-in thresholds, unless this machine is very slow.
    look(
        &ops,
        "slow_statements",
        "--threshold slow_statements.warn=1min --threshold slow_statements.fail=1min",
    )
    .passes();
    ops.run("doctor --only slow_statements").succeeds();
}
