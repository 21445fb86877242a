//! Backfills: a kill at any moment, progress, and the contract step that depends on them.

use super::{backend_at, insert_contacts, kills, recipes, settle, state};
use crate::migration::snapshot::{assert_same, catalogue};
use migration::online::{Backfill, FIRST_BATCH};
use sea_orm::{DatabaseConnection, DbBackend, TransactionTrait as _};
use sea_orm_migration::prelude::SchemaManager;
use std::time::{Duration, Instant};
use tests::engine::{Engine, on_both_engines};
use tests::kills::Kills;
use tests::process::Migrator;
use tests::{connect, migrated, run, texts};

const RECIPES: &str = "rename_1_expand,rename_2_backfill,rename_3_contract";

const FILLED: &str = "select cast(count(*) as text) from contacts where last_called_at is not null";

const PROGRESS: &str = "select rows_done::text from backfill_progress";

/// The rows of a test.
const ROWS: usize = 40 * FIRST_BATCH;

/// Contacts beside those of `insert_contacts`.
const OTHERS: usize = 2;

#[tokio::test]
async fn up_continues_a_backfill_killed_at_any_moment() {
    let database = migrated("backfill_kills").await;
    let url = database.url();
    let db = connect(&url).await.unwrap();
    insert_contacts(&db, ROWS - OTHERS).await;
    let migrator = recipes(&url, "rename_1_expand,rename_2_backfill");
    migrator.run("up -n 1").succeeds();
    let before = catalogue(&db).await;

    let mut running = migrator.start("up");
    backend_at(&db, &mut running, "with batch as").await;
    let started = Instant::now();
    let ended = running.wait();
    let mut kills = Kills::new(started.elapsed(), kills());
    assert!(ended.succeeds().stdout.contains(&format!("{ROWS} rows filled, 0 left")), "{ended}");

    let mut between = 0;
    while let Some(after) = kills.next_moment() {
        migrator.run("down").succeeds();
        run(
            &db,
            "set session_replication_role = replica;
             update contacts set last_called_at = null;
             reset session_replication_role",
        )
        .await
        .unwrap();
        let mut running = migrator.start("up");
        backend_at(&db, &mut running, "with batch as").await;
        tokio::time::sleep(after).await;
        running.kill();
        settle(&db).await;
        let filled: usize = texts(&db, FILLED).await[0].parse().unwrap();
        println!("{after:?}: {filled} rows filled");
        kills.record(filled < ROWS);
        if 0 < filled && filled < ROWS {
            between += 1;
            assert_eq!(texts(&db, PROGRESS).await, [filled.to_string()], "progress commits with its batch");
            let expected = format!("pending, {filled} rows filled, {} left", ROWS - filled);
            assert_eq!(state(&migrator, "rename_2_backfill"), expected);
        }

        let now = texts(&db, "select clock_timestamp()::text").await.remove(0);
        let again = migrator.run("up");
        again.succeeds();
        if filled < ROWS {
            assert!(again.stdout.contains(&format!("{ROWS} rows filled, 0 left")), "{again}");
        }
        let later = format!("select count(*)::text from contacts where updated_at > '{now}'");
        assert_eq!(texts(&db, &later).await, [(ROWS - filled).to_string()], "no row is filled twice");
        assert_eq!(texts(&db, FILLED).await, [ROWS.to_string()]);
        assert_same(&before, &catalogue(&db).await, "nothing remains of the progress");
    }
    println!("{between} kills hit a backfill between two batches");
    assert!(between > 0, "no kill hit a backfill at work");
}

#[tokio::test]
async fn up_completes_after_a_backfill_killed_at_any_moment_on_sqlite() {
    let engine = Engine::migrated_sqlite("").await;
    let Engine { db, url, .. } = &engine;
    insert_contacts(db, ROWS - OTHERS).await;
    let migrator = recipes(url, RECIPES);
    migrator.run("up -n 1").succeeds();
    let started = Instant::now();
    migrator.run("up -n 1").succeeds();
    let mut kills = Kills::new(started.elapsed(), kills());
    while let Some(after) = kills.next_moment() {
        migrator.run("down").succeeds();
        run(db, "update contacts set last_called_at = null").await.unwrap();
        let mut running = migrator.start("up -n 1");
        tokio::time::sleep(after).await;
        kills.record(running.kill().code.is_none());
        let filled = texts(db, FILLED).await.remove(0);
        println!("{after:?}: {filled} rows filled");
        assert!(filled == "0" || filled == ROWS.to_string(), "the run is one transaction: {filled}");
        if filled == "0" {
            let expected = format!("pending, 0 rows filled, {ROWS} left");
            assert_eq!(state(&migrator, "rename_2_backfill"), expected);
            migrator.run("up -n 1").succeeds();
        }
        assert_eq!(texts(db, FILLED).await, [ROWS.to_string()]);
    }
}

on_both_engines!(migrated: a_contract_step_is_refused_until_its_backfill_is_complete);

async fn a_contract_step_is_refused_until_its_backfill_is_complete(Engine { db, url, .. }: &Engine) {
    insert_contacts(db, 3).await;
    let migrator = recipes(url, RECIPES);
    migrator.run("up -n 2").succeeds();
    let before = catalogue(db).await;
    // As by code of an older release on a database that lost the trigger.
    let unfill = "update contacts set last_called_at = null where phone_number = '+15552'";
    if db.get_database_backend() == DbBackend::Postgres {
        run(db, &format!("set session_replication_role = replica; {unfill}; reset session_replication_role"))
            .await
            .unwrap();
    } else {
        run(db, unfill).await.unwrap();
    }
    for _ in 0..2 {
        let refused = migrator.run("up");
        refused.fails(&[
            "rename_3_contract failed on the",
            "the backfill rename_2_backfill is not complete",
            "the table contacts has rows where",
            "roll back to it with down, and fill them with up",
        ]);
        assert_same(&before, &catalogue(db).await, "nothing is dropped");
    }
    migrator.run("down").succeeds();
    assert_eq!(migrator.run("up").succeeds().applied(), 2);
    assert_eq!(texts(db, FILLED).await, ["5"]);
}

on_both_engines!(migrated: a_backfill_whose_columns_do_not_exist_yet_is_pending);

async fn a_backfill_whose_columns_do_not_exist_yet_is_pending(Engine { db, url, .. }: &Engine) {
    insert_contacts(db, 3).await;
    let migrator = recipes(url, RECIPES);
    assert_eq!(state(&migrator, "rename_2_backfill"), "pending");
    migrator.run("up -n 1").succeeds();
    assert_eq!(state(&migrator, "rename_2_backfill"), "pending, 0 rows filled, 5 left");
    assert_eq!(state(&migrator, "rename_3_contract"), "pending");
}

#[tokio::test]
async fn a_rollback_forgets_the_progress_of_an_interrupted_backfill() {
    let database = migrated("backfill_rollback").await;
    let url = database.url();
    let db = connect(&url).await.unwrap();
    let before = catalogue(&db).await;
    insert_contacts(&db, ROWS - OTHERS).await;
    let migrator = recipes(&url, RECIPES);
    migrator.run("up -n 1").succeeds();
    interrupt(&migrator, &url, &db).await;
    migrator.run("down").succeeds();
    assert_same(&before, &catalogue(&db).await, "down of the expand step");
    migrator.run("up -n 1").succeeds();
    interrupt(&migrator, &url, &db).await;
    // As if the run had been killed after it wrote the ledger.
    run(&db, "update backfill_progress set migration = 'm20261121_000021_create_erasure_requests'")
        .await
        .unwrap();
    migrator.run("up -n 0").succeeds();
    let exists = "select 'it exists' from pg_class where relname = 'backfill_progress'";
    assert_eq!(texts(&db, exists).await, [""; 0]);
    assert_eq!(migrator.run("up").succeeds().applied(), 2);
}

#[tokio::test]
async fn the_size_of_a_batch_follows_its_time() {
    let database = migrated("backfill_size").await;
    let url = database.url();
    let db = connect(&url).await.unwrap();
    insert_contacts(&db, ROWS - OTHERS).await;
    let migrator = recipes(&url, RECIPES);
    migrator.run("up -n 2").succeeds();
    // A batch is a transaction, and `updated_at` the time of its beginning.
    let sizes = async || {
        let sql =
            "select count(*)::text from contacts where updated_at > (select max(applied_at) from started)
                   group by updated_at order by updated_at";
        let sizes = texts(&db, sql).await;
        sizes.into_iter().map(|size| size.parse().unwrap()).collect::<Vec<usize>>()
    };
    let refill = async |pending: usize| {
        let unfill = format!(
            "create table if not exists started (applied_at timestamptz);
             set session_replication_role = replica;
             update contacts set last_called_at = now(), updated_at = now();
             update contacts set last_called_at = null where id in (select id from contacts order by id limit {pending});
             reset session_replication_role;
             insert into started values (clock_timestamp())"
        );
        run(&db, &unfill).await.unwrap();
        rename_backfill().run(&SchemaManager::new(&db)).await.unwrap();
        sizes().await
    };
    // A batch grows if it is fast, which it may not be on a busy machine.
    let mut fast = Vec::new();
    for _ in 0..5 {
        fast = refill(ROWS).await;
        assert_eq!(fast.iter().sum::<usize>(), ROWS);
        assert_eq!(fast[0], FIRST_BATCH);
        if fast.iter().max() > Some(&FIRST_BATCH) {
            break;
        }
    }
    assert!(fast.iter().max() > Some(&FIRST_BATCH), "{fast:?}");
    // Two milliseconds a row: 50 rows take as long as a batch should.
    let slow = "create function delay() returns trigger language plpgsql as
                    $$ begin perform pg_sleep(0.002); return new; end $$;
                create trigger delay before update on contacts for each row execute function delay()";
    run(&db, slow).await.unwrap();
    let slow = refill(1500).await;
    assert_eq!(slow[..4], [500, 250, 125, 62], "{slow:?}");
    assert!(slow[4..].iter().all(|size| *size <= 62), "{slow:?}");
}

/// The backfill of the recipe `rename_2_backfill`.
fn rename_backfill() -> Backfill {
    Backfill::new("contacts", "last_called_at = last_attempt_at", "last_called_at is null")
}

/// Kills the backfill after its first batch. It does not end before, because the last row is locked.
async fn interrupt(migrator: &Migrator, url: &str, db: &DatabaseConnection) {
    let blocker = connect(url).await.unwrap();
    let held = blocker.begin().await.unwrap();
    run(&held, "select from contacts order by id desc limit 1 for update").await.unwrap();
    let mut running = migrator.start("up -n 1");
    backend_at(db, &mut running, "with batch as").await;
    while texts(db, FILLED).await == ["0"] {
        assert!(!running.has_exited(), "{}", running.kill());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    running.kill();
    // A statement that waits for the row goes on without its client, and must not get it.
    settle(db).await;
    held.rollback().await.unwrap();
    assert_ne!(texts(db, PROGRESS).await, [ROWS.to_string()], "the backfill was at work");
}

#[tokio::test]
async fn a_backfill_in_a_transaction_or_without_an_end_is_an_error() {
    let database = migrated("backfill_endless").await;
    let db = connect(&database.url()).await.unwrap();
    insert_contacts(&db, 3).await;
    let transaction = db.begin().await.unwrap();
    let in_a_transaction = Backfill::new("contacts", "email = null", "email is not null");
    let error = in_a_transaction.run(&SchemaManager::new(&transaction)).await.unwrap_err().to_string();
    assert!(error.contains("let `use_transaction` of its migration return `Some(false)`"), "{error}");
    transaction.rollback().await.unwrap();

    let endless = Backfill::new("contacts", "email = 'x@example.com'", "email is not null");
    let error = endless.run(&SchemaManager::new(&db)).await.unwrap_err().to_string();
    assert!(
        error.contains("still meet `email is not null`") && error.contains("correct one of the two"),
        "{error}"
    );
}
