//! Migrators that meet: each other, a session that holds a table, another database of the same server.

use crate::migration::snapshot::{assert_same, catalogue};
use ::migration::Migrator as Migrations;
use scratch::Database;
use sea_orm::{DatabaseConnection, TransactionTrait};
use sea_orm_migration::prelude::MigratorTrait as _;
use std::time::{Duration, Instant};
use tests::engine::{Engine, on_both_engines};
use tests::login_role::LoginRole;
use tests::process::{Exited, Migrator, Running};
use tests::{chain, connect, empty, empty_with_role, migrated, private_server, run, session, texts};

/// A table that every migration of a tenant table, and so the last one, locks for its foreign key.
const REFERRED: &str = "organizations";

/// The name of the last migration.
fn newest() -> String {
    Migrations::migrations().last().unwrap().name().to_owned()
}

on_both_engines!(migrated: of_eight_concurrent_ups_one_applies_everything_and_all_succeed);

async fn of_eight_concurrent_ups_one_applies_everything_and_all_succeed(migrated: &Engine) {
    let complete = catalogue(&migrated.db).await;
    for _ in 0..3 {
        let Engine { db, url, .. } = &migrated.another_empty("eight").await;
        let all = session(url).status().await.unwrap().len();
        let migrators: Vec<_> = (0..8).map(|_| Migrator::on(url)).collect();
        let running: Vec<_> = migrators.iter().map(|migrator| migrator.start("up")).collect();
        let ended: Vec<Exited> = running.into_iter().map(Running::wait).collect();
        let mut applied: Vec<_> = ended.iter().map(|ended| ended.succeeds().applied()).collect();
        applied.sort_unstable();
        assert_eq!(applied, [0, 0, 0, 0, 0, 0, 0, all]);
        assert_same(&complete, &catalogue(db).await, "as after a single run");
        assert_eq!(texts(db, "select version from seaql_migrations").await.len(), all);
    }
}

#[tokio::test]
async fn a_run_waits_behind_another_one_and_names_its_process() {
    let database = migrated("queue").await;
    let url = database.url();
    session(&url).down(Some(1)).await.unwrap();
    let db = connect(&url).await.unwrap();
    let observer = connect(&url).await.unwrap();
    let blocker = db.begin().await.unwrap();
    run(&blocker, &format!("lock table {REFERRED}")).await.unwrap();

    let (first, impatient, patient) = (Migrator::on(&url), Migrator::on(&url), Migrator::on(&url));
    let first = first.start("up --lock-timeout 600");
    let backend = backend_waiting_for_a_table(&observer, &first).await;
    let holder = format!("server process {backend} (migration, process {}, login ", first.id());

    let refused = impatient.run("up --lock-wait 1");
    refused.fails(&["the migration lock of the PostgreSQL database", &holder, "--lock-wait"]);
    assert_eq!(refused.applied(), 0);
    assert!(refused.stderr.contains(&format!("Waiting for the migration lock, held by {holder}")));

    let mut patient = patient.start("up");
    patient.wait_for_stderr(&format!("Waiting for the migration lock, held by {holder}"));
    blocker.rollback().await.unwrap();
    assert_eq!(first.wait().succeeds().applied(), 1);
    assert_eq!(patient.wait().succeeds().applied(), 0);
}

/// What a login can lock that knows the source: the key of earlier versions and keys of the class.
const HOSTILE_LOCKS: &str = "select pg_advisory_lock(x'766f696365737276'::bit(64)::bigint), \
        (select count(pg_advisory_lock(1987012963, n)) from generate_series(-500, 500) n), \
        (select count(pg_advisory_lock(hashint8(n))) from generate_series(1, 500) n)";

#[tokio::test]
async fn the_advisory_locks_of_a_customer_login_do_not_delay_a_run() {
    let customer = LoginRole::new(migrated("customer_locks").await, "in role customer").await;
    let db = connect(&customer.url()).await.unwrap();
    run(&db, HOSTILE_LOCKS).await.unwrap();
    let migrator = Migrator::on(&customer.admin_url());
    let ended = migrator.run("up --lock-wait 0");
    assert!(!ended.succeeds().stderr.contains("Waiting for"), "{ended:?}");
    // They are where a migrator's would be: those of the owner count.
    let owner = connect(&customer.admin_url()).await.unwrap();
    run(&owner, "select pg_advisory_lock(1987012963, 1000)").await.unwrap();
    migrator.run("up --lock-wait 0").fails(&["the migration lock of the PostgreSQL database"]);
}

#[tokio::test]
async fn a_migrator_without_superuser_rights_sees_another_one() {
    let owner = LoginRole::owning(empty_with_role("owner_locks").await, "").await;
    let migrator = Migrator::on(&owner.url());
    let superuser = connect(&owner.admin_url()).await.unwrap();
    run(&superuser, "select pg_advisory_lock(1987012963, 1000)").await.unwrap();
    migrator.run("up --lock-wait 0").fails(&["the migration lock of the PostgreSQL database"]);
    run(&superuser, "select pg_advisory_unlock_all()").await.unwrap();

    let own = connect(&owner.url()).await.unwrap();
    run(&own, "select pg_advisory_lock(1987012963, 1000)").await.unwrap();
    let login = format!("login {}", owner.name);
    migrator.run("up --lock-wait 0").fails(&["the migration lock of the PostgreSQL database", &login]);
}

#[tokio::test]
async fn a_run_that_fails_gives_the_migration_lock_back() {
    let database = empty_with_role("lock_given_back").await;
    let db = connect(&database.url()).await.unwrap();
    run(&db, "create view users as select 1 as id").await.unwrap();
    let migrator = Migrator::on(&database.url());
    migrator.run("up").fails(&["create_users"]);
    // The server releases the lock when it notices that the client is gone.
    migrator.run("up --lock-wait 10").fails(&["create_users"]);
}

#[tokio::test]
async fn a_migration_that_meets_a_held_table_is_tried_again_until_it_is_free() {
    for (command, prepared) in [("up", 1), ("down", 0), ("fresh", 0)] {
        let database = migrated("held").await;
        let url = database.url();
        session(&url).down(Some(prepared)).await.unwrap();
        let db = connect(&url).await.unwrap();
        let blocker = db.begin().await.unwrap();
        run(&blocker, &format!("lock table {REFERRED}")).await.unwrap();
        let migrator = Migrator::on(&url);
        let mut running = migrator.start(&format!("{command} --lock-timeout 1"));
        running.wait_for_stderr("did not get a lock (attempt 1: ");
        blocker.rollback().await.unwrap();
        running.wait().succeeds();
        let pending =
            session(&url).status().await.unwrap().last().unwrap().state == migration::State::Pending;
        assert_eq!(pending, command == "down", "{command}");
    }
}

#[tokio::test]
async fn a_comment_that_meets_a_held_table_is_tried_again_until_it_is_free() {
    let database = migrated("held_comment").await;
    let url = database.url();
    let db = connect(&url).await.unwrap();
    let complete = catalogue(&db).await;
    run(&db, &format!("comment on table {REFERRED} is 'An older sentence.'")).await.unwrap();
    let blocker = db.begin().await.unwrap();
    run(&blocker, &format!("lock table {REFERRED}")).await.unwrap();
    let migrator = Migrator::on(&url);
    let mut running = migrator.start("up --lock-timeout 1");
    running.wait_for_stderr("did not get a lock (attempt 1: ");
    blocker.rollback().await.unwrap();
    running.wait().succeeds();
    assert_same(&complete, &catalogue(&db).await, "the comments are current");
}

#[tokio::test]
async fn an_up_that_never_gets_a_table_fails_and_leaves_nothing_behind() {
    never_gets_a_table("up", 1).await;
}

#[tokio::test]
async fn a_down_that_never_gets_a_table_fails_and_leaves_nothing_behind() {
    never_gets_a_table("down", 0).await;
}

async fn never_gets_a_table(command: &str, prepared: u32) {
    let database = migrated("never_free").await;
    let url = database.url();
    session(&url).down(Some(prepared)).await.unwrap();
    let before = catalogue_of(&url).await;
    let db = connect(&url).await.unwrap();
    let blocker = db.begin().await.unwrap();
    run(&blocker, &format!("lock table {REFERRED}")).await.unwrap();
    let ended = Migrator::on(&url).run(&format!("{command} --lock-timeout 1"));
    ended.fails(&[&format!("{} failed", newest()), "lock timeout", "try again when it is quiet"]);
    assert_eq!(ended.stderr.matches("trying again in").count(), 4, "{ended:?}");
    assert_eq!(ended.applied() + ended.rolled_back(), 0);
    blocker.rollback().await.unwrap();
    assert_same(&before, &catalogue_of(&url).await, command);
}

#[tokio::test]
async fn a_run_whose_connection_is_lost_reports_it() {
    let database = migrated("terminated").await;
    let url = database.url();
    session(&url).down(Some(1)).await.unwrap();
    let before = catalogue_of(&url).await;
    let db = connect(&url).await.unwrap();
    let observer = connect(&url).await.unwrap();
    let blocker = db.begin().await.unwrap();
    run(&blocker, &format!("lock table {REFERRED}")).await.unwrap();
    let migrator = Migrator::on(&url);
    let running = migrator.start("up --lock-timeout 600");
    let backend = backend_waiting_for_a_table(&observer, &running).await;
    run(&observer, &format!("select pg_terminate_backend({backend})")).await.unwrap();
    running.wait().fails(&[&newest(), "terminating connection"]);
    blocker.rollback().await.unwrap();
    assert_same(&before, &catalogue_of(&url).await, "what the lost connection left");
    migrator.run("up").succeeds();
}

/// The role `customer` belongs to the whole server: databases create, grant and drop it concurrently.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn databases_of_one_server_are_migrated_and_reset_at_the_same_time() {
    const DATABASES: usize = 4;
    const ROUNDS: usize = 12;
    let left_out =
        "that databases of one server are migrated at the same time, with the role coming and going";
    let private = private_server::start(false, left_out);
    let databases: Vec<Database> = (0..DATABASES)
        .map(|number| {
            let name = format!("beside_{number}");
            private.as_ref().map_or_else(|| empty(&name), |server| server.create_database(&name).unwrap())
        })
        .collect();
    let before = catalogue_of(&databases[0].url()).await;
    let work = databases.iter().enumerate().map(|(number, database)| {
        let url = database.url();
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let session = session(&url);
                // Two are enough to create the role and its grants; everything is the exception.
                let steps = if round % 6 == number { None } else { Some(2) };
                if let Err(error) = session.up(steps).await {
                    panic!("up {steps:?} in round {round}: {}", chain(&error));
                }
                if let Err(error) = session.down(None).await {
                    panic!("reset in round {round}: {}", chain(&error));
                }
            }
        })
    });
    for work in work.collect::<Vec<_>>() {
        work.await.unwrap();
    }
    if private.is_some() {
        // Two that reset in the same moment may each leave the role to the other; the next one takes it along.
        session(&databases[0].url()).up(Some(2)).await.unwrap();
        session(&databases[0].url()).down(None).await.unwrap();
        assert_same(&before, &catalogue_of(&databases[0].url()).await, "the role is gone at last");
    }
}

/// The server process of a run that waits for a lock.
async fn backend_waiting_for_a_table(db: &DatabaseConnection, running: &Running) -> String {
    let sql = format!(
        "select pid::text from pg_stat_activity
         where application_name = 'migration, process {}' and wait_event_type = 'Lock'",
        running.id()
    );
    let started = Instant::now();
    loop {
        if let Some(backend) = texts(db, &sql).await.pop() {
            return backend;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{running:?} does not wait for a lock");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn catalogue_of(url: &str) -> Vec<String> {
    let db = connect(url).await.unwrap();
    let lines = catalogue(&db).await;
    db.close().await.unwrap();
    lines
}
