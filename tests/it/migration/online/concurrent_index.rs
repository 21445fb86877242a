//! Concurrent indexes: a kill at any moment, leftovers, and migrators that wait meanwhile.

use super::{backend_at, insert_contacts, kills, recipes};
use crate::migration::snapshot::{assert_same, catalogue};
use sea_orm::TransactionTrait as _;
use std::time::{Duration, Instant};
use tests::kills::Kills;
use tests::{connect, migrated, run, texts};

const STATE: &str = "select case when indisvalid then 'valid' else 'invalid' end from pg_index
    where indexrelid = to_regclass('ix_contacts_email')";

/// The builders' statement.
const CREATE: &str = "create index concurrently";

#[tokio::test]
async fn up_completes_after_an_index_killed_at_any_moment() {
    let database = migrated("index_kills").await;
    let url = database.url();
    let db = connect(&url).await.unwrap();
    insert_contacts(&db, 60_000).await;
    let migrator = recipes(&url, "index");

    let mut running = migrator.start("up");
    backend_at(&db, &mut running, CREATE).await;
    let started = Instant::now();
    running.wait().succeeds();
    let mut kills = Kills::new(started.elapsed(), kills());
    let complete = catalogue(&db).await;

    let mut states = Vec::new();
    while let Some(after) = kills.next_moment() {
        migrator.run("down").succeeds();
        let mut running = migrator.start("up");
        let backend = backend_at(&db, &mut running, CREATE).await;
        tokio::time::sleep(after).await;
        // A server process whose client is gone completes its statement. In every second run it is ended as well, as
        // by a failure of the server.
        if states.len() % 2 == 0 {
            run(&db, &format!("select pg_terminate_backend({backend})")).await.unwrap();
        }
        running.kill();
        let left = texts(&db, STATE).await.pop().unwrap_or_else(|| "none".to_owned());
        println!("{after:?}: {left}");
        kills.record(left != "valid");
        states.push(left);

        let again = migrator.run("up");
        again.succeeds();
        assert_eq!(texts(&db, STATE).await, ["valid"], "{again}");
        assert_same(&complete, &catalogue(&db).await, "after the kill and up");
    }
    assert!(states.iter().any(|left| left == "invalid"), "no kill hit a build: {states:?}");
}

#[tokio::test]
async fn only_an_invalid_leftover_of_its_own_is_dropped() {
    let database = migrated("index_leftover").await;
    let url = database.url();
    let db = connect(&url).await.unwrap();
    insert_contacts(&db, 10).await;
    let migrator = recipes(&url, "index");
    let file = "select relfilenode::text from pg_class where relname = 'ix_contacts_email'";
    let create = "create index ix_contacts_email on contacts (email)";
    let invalidate =
        "update pg_index set indisvalid = false where indexrelid = 'ix_contacts_email'::regclass";
    for (leftover, is_kept) in [(create.to_owned(), true), (format!("{create}; {invalidate}"), false)] {
        run(&db, &leftover).await.unwrap();
        let before = texts(&db, file).await;
        migrator.run("up").succeeds();
        assert_eq!(texts(&db, STATE).await, ["valid"], "{leftover}");
        assert_eq!(before == texts(&db, file).await, is_kept, "{leftover}");
        migrator.run("down").succeeds();
        assert_eq!(texts(&db, STATE).await, [""; 0], "{leftover}");
    }
}

/// A transaction that a waiting migrator held open would be one that the index waits for.
#[tokio::test]
async fn migrators_that_wait_neither_stop_nor_delay_an_index() {
    let database = migrated("index_waiters").await;
    let url = database.url();
    let db = connect(&url).await.unwrap();
    insert_contacts(&db, 1000).await;
    let blocker = connect(&url).await.unwrap();
    let writer = blocker.begin().await.unwrap();
    run(&writer, "update contacts set email = null where phone_number = '+15551'").await.unwrap();

    let migrator = recipes(&url, "index");
    let mut first = migrator.start("up --lock-timeout 60");
    let backend = backend_at(&db, &mut first, CREATE).await;
    let mut waiting: Vec<_> = (0..3).map(|_| migrator.start("up")).collect();
    for migrator in &mut waiting {
        migrator.wait_for_stderr("Waiting for the migration lock");
    }
    // What the waiting ones do for a second: the age in milliseconds of their oldest transaction.
    let oldest = format!(
        "select coalesce(max(extract(epoch from clock_timestamp() - xact_start) * 1000)::bigint, 0)::text
         from pg_stat_activity
         where datname = current_database() and application_name like 'migration, process %'
             and pid <> {backend} and xact_start is not null"
    );
    let started = Instant::now();
    let mut longest = 0;
    while started.elapsed() < Duration::from_secs(1) {
        longest = longest.max(texts(&db, &oldest).await[0].parse::<i64>().unwrap());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    println!("the longest transaction of a waiting migrator: {longest} ms");
    assert!(longest < 1000, "a waiting migrator holds a transaction open: {longest} ms");
    assert!(!first.has_exited());

    let released = Instant::now();
    writer.commit().await.unwrap();
    assert_eq!(first.wait().succeeds().applied(), 1);
    println!("the index was complete {:?} after its last obstacle ended", released.elapsed());
    for migrator in waiting {
        assert_eq!(migrator.wait().succeeds().applied(), 0);
    }
    assert_eq!(texts(&db, STATE).await, ["valid"]);
    let deadlocks = "select deadlocks::text from pg_stat_database where datname = current_database()";
    assert_eq!(texts(&db, deadlocks).await, ["0"]);
}
