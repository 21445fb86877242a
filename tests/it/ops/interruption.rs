//! A backup, a restore or a run of retention that is killed at any moment: it is never taken for whole, and nothing half-done
//! stays.

use super::retention::{counts, difference, history, insert, past, recorded};
use super::{Ops, clients_are_installed, entries, filled};
use crate::migration::snapshot::{assert_same, catalogue, rows};
use sea_orm::DatabaseConnection;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tests::kills::Kills;
use tests::{connect, empty, run, texts};

/// How many runs of each command are killed; `OPS_KILLS` changes it.
fn kill_count() -> u32 {
    std::env::var("OPS_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(10)
}

/// Starts a command and kills it after this time. Returns whether that was before its end, and a description.
fn kill(ops: &Ops, arguments: &str, after: Duration) -> (bool, String) {
    let mut running = ops.start(arguments);
    sleep(after);
    let exited = running.kill();
    let moment =
        format!("{after:?}, {:?}, {}", exited.code, exited.stderr.lines().last().unwrap_or_default());
    println!("{moment}");
    (exited.code.is_none(), moment)
}

#[tokio::test]
async fn a_backup_that_is_killed_at_any_moment_is_not_taken_for_whole() {
    if !clients_are_installed() {
        return;
    }
    let source = filled("killed_backup").await;
    let db = connect(&source.url()).await.unwrap();
    enlarge(&db).await;
    let ops = Ops::on(&source.url());
    ops.back_up();
    let started = Instant::now();
    ops.back_up();
    let undisturbed = started.elapsed();
    let expected = rows(&db).await;

    let mut known: BTreeSet<PathBuf> = ops.backups().into_iter().collect();
    let mut kills = Kills::new(undisturbed, kill_count());
    while let Some(after) = kills.next_moment() {
        let (was_killed, moment) = kill(&ops, "backup --to backups", after);
        kills.record(was_killed);
        // Whatever counts as a backup is one: it restores, and is equal.
        for new in ops.backups() {
            if known.insert(new.clone()) {
                let target = empty("after_kill");
                ops.run(&format!("restore {} --to {}", new.display(), target.url())).succeeds();
                let copy = connect(&target.url()).await.unwrap();
                assert_same(&expected, &rows(&copy).await, &moment);
                copy.close().await.unwrap();
            }
        }
    }
    let target = empty("after_kills");
    ops.restore_to(&target.url()).succeeds();

    // The next run removes what they left.
    eventually("pg_dump of a killed run ends", || async { sessions(&db).await.is_empty() }).await;
    sleep(Duration::from_secs(1));
    ops.back_up();
    let left: Vec<PathBuf> =
        entries(&ops.path("backups")).into_iter().filter(|path| !ops.backups().contains(path)).collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_restore_that_is_killed_at_any_moment_leaves_the_database_empty() {
    if !clients_are_installed() {
        return;
    }
    let source = filled("killed_restore").await;
    let db = connect(&source.url()).await.unwrap();
    enlarge(&db).await;
    let expected = rows(&db).await;
    let ops = Ops::on(&source.url());
    ops.back_up();
    ops.restore_to(&empty("measured").url()).succeeds();
    let started = Instant::now();
    ops.restore_to(&empty("measured").url()).succeeds();
    let undisturbed = started.elapsed();

    let (mut kills, mut whole) = (Kills::new(undisturbed, kill_count()), 0);
    while let Some(after) = kills.next_moment() {
        let target = empty("killed");
        let copy = connect(&target.url()).await.unwrap();
        let before = catalogue(&copy).await;
        let (was_killed, moment) = kill(&ops, &format!("restore backups --to {}", target.url()), after);
        kills.record(was_killed);
        eventually("psql ends", || async { sessions(&copy).await.is_empty() }).await;
        if texts(&copy, "select relname::text from pg_class where relname = 'contacts'").await.is_empty() {
            assert_same(&before, &catalogue(&copy).await, &moment);
        } else {
            // Between the commit and the end of the program.
            assert_same(&expected, &rows(&copy).await, &moment);
            whole += u32::from(was_killed);
        }
        copy.close().await.unwrap();
    }
    let killed = kills.hits();
    assert!(whole <= killed / 5, "{whole} of {killed} kills hit a restore that had committed");
}

#[tokio::test]
async fn retention_that_is_killed_at_any_moment_leaves_nothing_half_done() {
    const CONTACTS: u32 = 100;
    const RUN: &str = "retention run --until-done --batch 10 --load 100";
    const NAMES: &str =
        "select metadata ->> 'recording_url' from call_attempts where metadata ? 'recording_url'";
    let (_database, db, ops) = past("killed_retention", CONTACTS).await;
    // The first command builds the program.
    history(&ops);
    let started = Instant::now();
    ops.run(RUN).succeeds();
    let undisturbed = started.elapsed();

    let again = async || {
        run(&db, "truncate organizations, users cascade").await.unwrap();
        insert(&db, CONTACTS).await;
        (counts(&db).await, recorded(&ops), texts(&db, NAMES).await)
    };
    let (mut before, mut recorded_before, mut names) = again().await;
    let (mut kills, mut half) = (Kills::new(undisturbed, kill_count()), 0);
    while let Some(after) = kills.next_moment() {
        let (was_killed, moment) = kill(&ops, RUN, after);
        kills.record(was_killed);
        let own = "select pid::text from pg_stat_activity
                   where datname = current_database() and application_name = 'ops retention'";
        eventually("the transaction ends", || async { texts(&db, own).await.is_empty() }).await;

        // What was removed is what is recorded, and each recording that is cleared was passed to the hook.
        let gone = difference(&before, &counts(&db).await);
        assert_eq!(difference_of(&recorded(&ops), &recorded_before), gone, "{moment}");
        let hooked = std::fs::read_to_string(ops.path("hooked")).unwrap();
        let hooked: BTreeSet<&str> = hooked.lines().collect();
        let left: BTreeSet<String> = texts(&db, NAMES).await.into_iter().collect();
        for name in names.iter().filter(|name| !left.contains(*name)) {
            assert!(hooked.contains(name.as_str()), "{name} is lost: {moment}");
        }
        half += u32::from(was_killed && !gone.is_empty());
        if !kills.is_done() && gone.contains_key("contacts") {
            (before, recorded_before, names) = again().await;
        }
    }
    let killed = kills.hits();
    assert!(half >= killed / 3, "{half} of {killed} kills hit a run that had removed something");

    // A further run completes.
    ops.run(RUN).succeeds();
    assert_eq!(ops.run("retention run --dry-run").stdout, "Nothing is past its limit\n");
    let gone = difference(&before, &counts(&db).await);
    assert_eq!(difference_of(&recorded(&ops), &recorded_before), gone);
    assert_eq!(gone["contacts"], 6 * i64::from(CONTACTS));
}

/// What was recorded since.
fn difference_of(now: &BTreeMap<String, i64>, before: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    let since = now.iter().map(|(kind, count)| (kind.clone(), count - before.get(kind).unwrap_or(&0)));
    since.filter(|(_, count)| *count != 0).collect()
}

/// Makes the work longer than the start of a process.
async fn enlarge(db: &DatabaseConnection) {
    run(
        db,
        "insert into exclusion_list_entries (organization_id, phone_number)
         select (select min(id::text)::uuid from organizations), '+2' || lpad(n::text, 10, '0')
         from generate_series(1, 100000) as n",
    )
    .await
    .unwrap();
}

/// The sessions of the program, and of those that it starts, on this database.
async fn sessions(db: &DatabaseConnection) -> Vec<String> {
    let sql = "select pid::text from pg_stat_activity where datname = current_database() and application_name = 'ops'";
    texts(db, sql).await
}

async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < Duration::from_mins(1), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
