//! A migrator that is killed, or fails, in the middle: what it leaves, and that the next `up` completes it.

use crate::migration::snapshot::{assert_same, catalogue, fill, rows};
use sea_orm::{DatabaseConnection, DbBackend};
use std::time::{Duration, Instant};
use tests::engine::{Engine, on_both_engines};
use tests::process::Migrator;
use tests::{SqliteFile, connect, empty_with_role, run, session, texts};

on_both_engines!(empty: up_completes_after_an_up_killed_at_any_moment, up_completes_after_a_reset_killed_at_any_moment);

async fn up_completes_after_an_up_killed_at_any_moment(engine: &Engine) {
    up_completes_after_kills(engine, "up", 50).await;
}

async fn up_completes_after_a_reset_killed_at_any_moment(engine: &Engine) {
    up_completes_after_kills(engine, "reset", 20).await;
}

async fn up_completes_after_kills(Engine { db, url, .. }: &Engine, command: &str, kills: u32) {
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let migrator = Migrator::on(url);
    let prepare = if command == "up" { "reset" } else { "up" };
    migrator.run("up").succeeds();
    let complete = catalogue(db).await;
    let all = applied(db).await;
    // The first one warms up what is cold.
    measure(&migrator, command, prepare);
    println!("seed {seed}; killed after a part of an undisturbed {command}: migrations applied");

    let mut unfinished = 0;
    let mut halfway = 0;
    let mut duration = Duration::ZERO;
    for attempt in 0..4 * kills {
        if unfinished == kills {
            break;
        }
        if attempt % 5 == 0 {
            // A machine that others use is now faster and now slower.
            duration = measure(&migrator, command, prepare);
        }
        migrator.run(prepare).succeeds();
        // One in each part of the duration, anywhere in it.
        let part = (f64::from(attempt % kills) + random.f64()) / f64::from(kills);
        let mut running = migrator.start(command);
        std::thread::sleep(duration.mul_f64(part));
        let was_killed = running.kill().code.is_none();
        settle(db).await;
        let left = applied(db).await;
        println!("{part:.2} of {duration:?}: {left}{}", if was_killed { "" } else { ", had ended" });
        unfinished += u32::from(was_killed);
        halfway += u32::from(0 < left && left < all);

        migrator.run("up").succeeds();
        assert_same(&complete, &catalogue(db).await, "after the kill and up");
    }
    println!("{unfinished} were killed before their end, {halfway} between two migrations");
    assert_eq!(unfinished, kills, "too few kills hit a run");
    if db.get_database_backend() == DbBackend::Postgres {
        assert!(halfway >= kills / 10, "too few kills hit a run at work: {halfway} of {kills}");
    } else {
        assert_eq!(halfway, 0, "on SQLite the whole run is one transaction");
    }
}

fn measure(migrator: &Migrator, command: &str, prepare: &str) -> Duration {
    migrator.run(prepare).succeeds();
    let started = Instant::now();
    migrator.run(command).succeeds();
    started.elapsed()
}

/// Waits until the server has noticed that a client is gone.
async fn settle(db: &DatabaseConnection) {
    if db.get_database_backend() != DbBackend::Postgres {
        return;
    }
    let sql = "select pid::text from pg_stat_activity
               where datname = current_database() and application_name like 'migration, process %'";
    let started = Instant::now();
    while !texts(db, sql).await.is_empty() {
        assert!(started.elapsed() < Duration::from_mins(1), "a killed migrator stays on the server");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// How many migrations the ledger has, if there is one.
async fn applied(db: &DatabaseConnection) -> usize {
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => "select relname::text from pg_class where relname = 'seaql_migrations'",
        _ => "select name from sqlite_schema where name = 'seaql_migrations'",
    };
    if texts(db, sql).await.is_empty() {
        return 0;
    }
    texts(db, "select version from seaql_migrations").await.len()
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_of_itself_and_those_before_it_stay_on_postgresql() {
    let database = empty_with_role("failed_up").await;
    let url = database.url();
    let db = connect(&url).await.unwrap();
    for (obstacle, removal) in OBSTACLES {
        session(&url).up(Some(8)).await.unwrap();
        fill(&db).await;
        let eight = (catalogue(&db).await, rows(&db).await);
        session(&url).up(Some(1)).await.unwrap();
        let nine = catalogue(&db).await;
        session(&url).down(Some(1)).await.unwrap();

        run(&db, obstacle).await.unwrap();
        let ended = Migrator::on(&url).run("up");
        ended.fails(&["m20261121_000010_create_call_attempts failed on the PostgreSQL database"]);
        assert_eq!(ended.applied(), 1, "{ended:?}");
        run(&db, removal).await.unwrap();
        // Comments are written at the end of a run that succeeds.
        assert_eq!(session(&url).up(Some(0)).await.unwrap(), 0);
        assert_same(&nine, &catalogue(&db).await, obstacle);
        assert_eq!(applied(&db).await, 9);
        let mut nine_rows = rows(&db).await;
        nine_rows.retain(|row| !row.starts_with("exclusion_list_entries"));
        assert_eq!(eight.1, nine_rows);

        session(&url).down(Some(1)).await.unwrap();
        assert_same(&eight.0, &catalogue(&db).await, obstacle);
        Migrator::on(&url).run("up").succeeds();
        session(&url).down(None).await.unwrap();
    }
}

#[tokio::test]
async fn a_run_that_fails_leaves_nothing_at_all_on_sqlite() {
    let file = SqliteFile::new();
    let url = file.url();
    let db = connect(&url).await.unwrap();
    session(&url).up(Some(8)).await.unwrap();
    fill(&db).await;
    let eight = (catalogue(&db).await, rows(&db).await);
    let refuse = "create trigger refuse before insert on seaql_migrations
                  when new.version like '%create_call_attempts' begin select raise(abort, 'refused'); end";
    for (obstacle, removal) in [OBSTACLES[0], (refuse, "drop trigger refuse")] {
        run(&db, obstacle).await.unwrap();
        let ended = Migrator::on(&url).run("up");
        ended.fails(&["m20261121_000010_create_call_attempts failed on the SQLite file"]);
        run(&db, removal).await.unwrap();
        assert_same(&eight.0, &catalogue(&db).await, obstacle);
        assert_eq!((&eight.1, 8), (&rows(&db).await, applied(&db).await));
    }
    Migrator::on(&url).run("up").succeeds();
}

/// What stands in the way of `create_call_attempts`, and its removal.
const OBSTACLES: [(&str, &str); 3] = [
    ("create view call_attempts as select 1 as id", "drop view call_attempts"),
    ("create table call_attempts (id int)", "drop table call_attempts"),
    // All of that migration is done but its line in the ledger.
    (
        "create function refuse() returns trigger language plpgsql as $$ begin raise 'refused'; end $$;
         create trigger refuse before insert on seaql_migrations for each row
             when (new.version like '%create_call_attempts') execute function refuse()",
        "drop trigger refuse on seaql_migrations; drop function refuse",
    ),
];

#[tokio::test]
async fn a_rollback_that_fails_leaves_its_migration_as_it_was() {
    let database = empty_with_role("failed_down").await;
    let url = database.url();
    let db = connect(&url).await.unwrap();
    session(&url).up(Some(10)).await.unwrap();
    fill(&db).await;
    run(&db, "create view calls as select id from contacts").await.unwrap();
    session(&url).down(Some(2)).await.unwrap();
    let eight = catalogue(&db).await;
    let ended = Migrator::on(&url).run("reset");
    ended.fails(&["m20261121_000008_create_contacts failed", "other objects depend on it"]);
    assert_eq!(ended.rolled_back(), 0);
    assert_same(&eight, &catalogue(&db).await, "reset");
    run(&db, "drop view calls").await.unwrap();
    Migrator::on(&url).run("reset").succeeds();
}
