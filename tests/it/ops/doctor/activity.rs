//! Long transactions, and sessions that wait for a lock.

use super::super::Ops;
use super::look;
use std::time::{Duration, Instant};
use tests::{SECRET, connect, private_server, run, texts};
use tokio::time::sleep;

#[tokio::test]
async fn a_transaction_that_is_open_idle_or_prepared_for_long_is_reported() {
    let settings = [("max_prepared_transactions", "2")];
    let Some(server) = private_server::start_with(false, &settings, "long transactions") else { return };
    let ops = Ops::on(&server.url("postgres"));
    look(&ops, "long_transactions", "").passes();
    let db = connect(&server.url("postgres")).await.unwrap();
    let pid = texts(&db, "select pg_backend_pid()::text").await.concat();
    run(&db, "set application_name = 'reporting'").await.unwrap();
    run(&db, "begin").await.unwrap();
    run(&db, &format!("select '{SECRET}'")).await.unwrap();
    let looked = look(&ops, "long_transactions", "");
    looked.passes();
    assert!(looked.summary.starts_with("1 open"), "{looked:?}");
    let session = format!("the session {pid} (postgres, reporting)");
    let fix = format!("select pg_terminate_backend({pid})");
    look(&ops, "long_transactions", "--threshold long_transactions.warn=1ms")
        .warns(&session, "has been open for");
    look(&ops, "long_transactions", "--threshold long_transactions.idle_warn=1ms").warns(&session, &fix);
    look(&ops, "long_transactions", "--threshold long_transactions.fail=1ms").fails(&session, &fix);
    run(&db, "create table gone (id int)").await.unwrap();
    run(&db, &format!("prepare transaction '{SECRET}'")).await.unwrap();
    look(&ops, "long_transactions", "").passes();
    look(&ops, "long_transactions", "--threshold long_transactions.warn=1ms")
        .warns("the prepared transaction", "rollback prepared");
}

#[tokio::test]
async fn a_session_that_waits_for_a_lock_is_reported_with_the_one_that_holds_it() {
    let Some(server) = private_server::start(false, "blocked sessions") else { return };
    let url = server.url("postgres");
    let ops = Ops::on(&url);
    let holder = connect(&url).await.unwrap();
    run(&holder, "create table wanted (id int)").await.unwrap();
    run(&holder, "begin; lock table wanted").await.unwrap();
    let pid = texts(&holder, "select pg_backend_pid()::text").await.concat();
    look(&ops, "blocked_sessions", "").passes();
    let waiter = connect(&url).await.unwrap();
    let waiting = tokio::spawn(async move { run(&waiter, "alter table wanted add name text").await });
    let started = Instant::now();
    while texts(&holder, "select pid::text from pg_locks where waitstart is not null").await.is_empty() {
        assert!(started.elapsed() < Duration::from_secs(30), "it does not wait");
        sleep(Duration::from_millis(5)).await;
    }
    look(&ops, "blocked_sessions", "--threshold blocked_sessions.warn=1ms")
        .warns("the session ", &format!("select pg_terminate_backend({pid})"));
    look(&ops, "blocked_sessions", "--threshold blocked_sessions.fail=1ms")
        .fails("the session ", &format!("for a lock of {pid}"));
    run(&holder, "rollback").await.unwrap();
    waiting.await.unwrap().unwrap();
    look(&ops, "blocked_sessions", "--threshold blocked_sessions.warn=1ms").passes();
}
