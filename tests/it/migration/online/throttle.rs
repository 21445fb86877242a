//! A backfill pauses while a standby is behind, and slows down while sessions wait for locks.

use super::{insert_contacts, recipes};
use migration::online::FIRST_BATCH;
use scratch::{Companion, Server};
use sea_orm::{DatabaseConnection, TransactionTrait as _};
use std::time::{Duration, Instant};
use tests::{connect, migrated, private_server, run, session, texts};

const RECIPES: &str = "rename_1_expand,rename_2_backfill";

const FILLED: &str = "select count(*)::text from contacts where last_called_at is not null";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backfill_slows_down_while_sessions_wait_for_locks() {
    let database = migrated("throttle_locks").await;
    let url = database.url();
    let db = connect(&url).await.unwrap();
    insert_contacts(&db, 40 * FIRST_BATCH).await;
    let migrator = recipes(&url, RECIPES);
    migrator.run("up -n 1").succeeds();

    let [holder, waiter] = [connect(&url).await.unwrap(), connect(&url).await.unwrap()];
    let held = holder.begin().await.unwrap();
    run(&held, "update campaigns set name = 'a'").await.unwrap();
    let waiting = tokio::spawn(async move { run(&waiter, "update campaigns set name = 'b'").await });
    let waits = "select 'waits' from pg_locks join pg_stat_activity using (pid)
                 where not granted and datname = current_database()";
    wait_for(&db, waits, async || Ok(())).await;
    let mut running = migrator.start("up");
    running.wait_for_stderr("slowed down: sessions wait for locks");
    // One batch a second at most, where an undisturbed backfill of these rows takes less than that for all.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let filled: usize = texts(&db, FILLED).await[0].parse().unwrap();
    // Four batches, each twice as large as the one before.
    assert!((1..=15).contains(&(filled / FIRST_BATCH)), "{filled} rows were filled");
    held.commit().await.unwrap();
    waiting.await.unwrap().unwrap();
    running.wait().succeeds();
    assert_eq!(texts(&db, FILLED).await, [(40 * FIRST_BATCH + 2).to_string()]);
}

#[tokio::test]
async fn a_backfill_pauses_while_a_standby_is_behind() {
    let left_out = "that a backfill pauses while a standby is behind";
    let Some(server) = private_server::start(false, left_out) else { return };
    let database = server.create_database("standby").unwrap();
    let url = database.url();
    session(&url).up(None).await.unwrap();
    let db = connect(&url).await.unwrap();
    insert_contacts(&db, 10 * FIRST_BATCH).await;
    let migrator = recipes(&url, RECIPES);
    migrator.run("up -n 1").succeeds();
    let Some((_program, standby)) = standby(&server, &db).await else {
        eprintln!("NOT TESTED: {left_out}: pg_basebackup is not installed");
        return;
    };

    run(&standby, "select pg_wal_replay_pause()").await.unwrap();
    // WAL that is not replayed, so that the lag grows.
    run(&db, "update campaigns set name = 'a'").await.unwrap();
    let behind = "select 'behind' from pg_stat_replication where replay_lag > interval '1.5 seconds'";
    wait_for(&db, behind, || run(&db, "update campaigns set name = name || 'a'")).await;

    let mut running = migrator.start("up --max-lag 1");
    running.wait_for_stderr("paused: the standby ");
    let filled = texts(&db, FILLED).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!running.has_exited(), "it pauses");
    assert_eq!(texts(&db, FILLED).await, filled, "no batch commits meanwhile");
    run(&standby, "select pg_wal_replay_resume()").await.unwrap();
    let ended = running.wait();
    assert!(ended.succeeds().stdout.contains(" rows filled, 0 left"), "{ended}");
}

/// A standby of the server, and a connection to it.
async fn standby(server: &Server, primary: &DatabaseConnection) -> Option<(Companion, DatabaseConnection)> {
    let (binaries, socket) = (server.binaries().unwrap(), server.socket_dir().unwrap());
    if !binaries.join("pg_basebackup").exists() {
        return None;
    }
    // A standby has at least as many connections as its primary.
    let script = format!(
        "set -e\nbase=$PWD\n{binaries}/pg_basebackup -h {socket} -U postgres -D data -R -X stream -c fast\n\
         exec {binaries}/postgres -D data -k \"$base\" -p 5432 -c listen_addresses= -c max_connections=500 \
             -c wal_receiver_status_interval=1",
        binaries = binaries.display(),
        socket = socket.display(),
    );
    let program = Companion::start("/bin/sh".as_ref(), &["standby.sh"], &[("standby.sh", &script)]).unwrap();
    let streams = "select 'it streams' from pg_stat_replication where replay_lsn is not null";
    let started = Instant::now();
    while texts(primary, streams).await.is_empty() {
        assert!(started.elapsed() < Duration::from_mins(1), "no standby: {}", program.log_tail());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let url = format!("postgres://postgres@localhost/postgres?host={}", program.directory().display());
    let standby = connect(&url).await.unwrap_or_else(|error| panic!("{error}: {}", program.log_tail()));
    Some((program, standby))
}

/// Waits until the query returns a row, and does `meanwhile` before each look.
async fn wait_for(
    db: &DatabaseConnection,
    query: &str,
    meanwhile: impl AsyncFn() -> Result<(), sea_orm::DbErr>,
) {
    let started = Instant::now();
    while texts(db, query).await.is_empty() {
        assert!(started.elapsed() < Duration::from_mins(1), "no row: {query}");
        meanwhile().await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
