//! What a run of retention costs a scheduler: claims of due contacts while it works, beside the same claims without it.
//!
//! The database is that of the benchmark `access`, in which a campaign of 1,000,000 contacts was deleted long ago. Claims are
//! rolled back, so that each finds the same contacts.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run has to fail")]

mod comparison;

use comparison::{Table, medians};
use database::{Actor, Database, contacts};
use entity::id::{CampaignId, OrganizationId, UserId};
use sea_orm::prelude::{ChronoTime, Uuid};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::factory::{open, settings};
use tests::process::{Running, binary};
use tests::{connect, migrated, run, texts};
use tokio::runtime::Runtime;

/// Rounds, each with a measurement with retention and one without; odd, so that a median is a measurement.
const ROUNDS: usize = 15;

/// Claims of one side in a round.
const CLAIMS: u32 = 100;

/// Contacts of a claim, as a scheduler claims them.
const BATCH: i64 = 50;

/// The campaign of 1,000,000 due contacts.
const DUE: u128 = 5;

/// The campaign of 1,000,000 finished contacts, which is deleted, with more to remove.
const PAST: &str = "\
    update campaigns set deleted_at = now() - interval '40 days' where name = 'Campaign 2'; \
    insert into transcript_snippets (organization_id, call_attempt_id, transcript_text, created_at) \
    select a.organization_id, a.id, repeat('nine ', 20), now() - interval '1 year' + n * interval '1 s' \
    from (select organization_id, id, row_number() over () as n from call_attempts limit 400000) a; \
    analyze transcript_snippets";

fn main() -> ExitCode {
    let runtime = Runtime::new().unwrap();
    let scratch = runtime.block_on(migrated("retention"));
    let started = Instant::now();
    runtime.block_on(async {
        let db = connect(&scratch.url()).await.unwrap();
        for sql in include_str!("access.sql").split(";\n\n").chain([PAST]) {
            run(&db, sql).await.unwrap();
        }
        db.close().await.unwrap();
    });
    println!("filled in {:.0?}", started.elapsed());

    let database = runtime.block_on(open(&settings(&[("DATABASE_URL", &scratch.url())])));
    let claims = || runtime.block_on(claims(&database));
    let directory = TempDir::new().unwrap();
    let retention = |option, step| {
        let mut command = binary("ops", directory.path());
        command.args(["retention", "run", option]).env("DATABASE_URL", scratch.url());
        let mut retention = Running::start(command.stdin(Stdio::null()), "retention run");
        retention.wait_for_stderr(step);
        retention
    };
    let mut table = Table::new();
    for (what, option, step) in [
        ("count of a dry run", "--dry-run", "Counting what is past its limit"),
        ("begin a run", "--until-done", "Looking for what is past its limit"),
        ("remove transcripts", "--until-done", "Removing transcripts"),
        ("remove contacts", "--until-done", "Removing contacts"),
    ] {
        if step == "Removing contacts" {
            runtime.block_on(async {
                let db = connect(&scratch.url()).await.unwrap();
                run(&db, "truncate transcript_snippets").await.unwrap();
                db.close().await.unwrap();
            });
        }
        claims();
        let [with, without] = medians(
            ROUNDS,
            [
                &mut || {
                    let mut running = retention(option, step);
                    let time = claims();
                    assert!(!running.has_exited(), "retention ended before the claims did");
                    drop(running.kill());
                    end(&runtime, &scratch.url());
                    time
                },
                &mut || claims(),
            ],
        );
        table.times(
            &format!("{CLAIMS} claims while retention works: {what} : alone"),
            with,
            without,
            Some(1.1),
        );
    }
    table.exit_code()
}

/// Ends the session of a killed run: the server notices only when it has the result of the statement, and would still be at
/// work during the claims that are measured alone.
fn end(runtime: &Runtime, url: &str) {
    const SESSIONS: &str =
        "from pg_stat_activity where application_name like 'ops retention%' and datname = current_database()";
    runtime.block_on(async {
        let db = connect(url).await.unwrap();
        run(&db, &format!("select pg_terminate_backend(pid, 10000) {SESSIONS}")).await.unwrap();
        assert_eq!(texts(&db, &format!("select pid::text {SESSIONS}")).await, Vec::<String>::new());
        db.close().await.unwrap();
    });
}

/// Claims as a scheduler does, and rolls back.
async fn claims(database: &Database) -> Duration {
    let actor = Actor { organization: OrganizationId::from_uuid(id(1)), user: UserId::from_uuid(id(1)) };
    let noon = || ChronoTime::from_hms_opt(12, 0, 0).unwrap();
    let started = Instant::now();
    for _ in 0..CLAIMS {
        let tx = database.customer(actor).await.unwrap();
        let claimed = contacts::claim_due(&tx, CampaignId::from_uuid(id(DUE)), BATCH, noon).await.unwrap();
        assert_eq!(claimed.len(), 50);
        tx.rollback().await.unwrap();
    }
    started.elapsed()
}

/// The id that `access.sql` computes from the number.
fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x7000_8000_u128 << 48 | number)
}
