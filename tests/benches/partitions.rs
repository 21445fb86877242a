//! Calls and transcripts in monthly partitions beside the plain tables, with 20,000,000 calls (`-- --calls`): what the
//! queries of `database` cost on both. `docs/decisions/partitions.md` states the figures and the decision.
//!
//! One shape is measured after the other, so that a disk holds them: compare the ratios, and repeat.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot run has to fail")]

mod comparison;

use clap::Parser;
use comparison::{Table, medians};
use database::call_attempts::{self, ApplyProviderEvent};
use database::transcript_snippets::{self, DeleteExpired};
use database::{Actor, CustomerTx, Database, campaigns, contacts};
use entity::id::{CallAttemptId, CampaignId, ContactId, OrganizationId, TranscriptSnippetId, UserId};
use entity::json::CallMetadata;
use sea_orm::prelude::{ChronoTime, ChronoUtc, DateTimeUtc, Uuid};
use sea_orm::{ActiveModelTrait as _, DatabaseConnection, Set};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tests::factory::{open, settings};
use tests::{connect, migrated, run};
use tokio::runtime::Runtime;

/// Transactions of a measurement, of which the median counts; odd.
const RUNS: usize = 201;

/// Runs of what reads a whole campaign; odd.
const LONG_RUNS: usize = 5;

#[derive(Parser)]
struct Arguments {
    /// The number of calls.
    #[arg(long, default_value_t = 20_000_000)]
    calls: i64,

    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let Arguments { calls, bench: _ } = Arguments::parse();
    let runtime = Runtime::new().unwrap();
    let [plain, parts] = [false, true].map(|partitioned| measure(&runtime, calls, partitioned));
    let mut table = Table::new();
    for ((what, plain), (_, parts)) in plain.into_iter().zip(parts) {
        table.times(&format!("{what}, partitions : plain"), parts, plain, None);
    }
    table.exit_code()
}

fn measure(runtime: &Runtime, calls: i64, partitioned: bool) -> Vec<(&'static str, Duration)> {
    let scratch = runtime.block_on(migrated("partitions"));
    let db = runtime.block_on(connect(&scratch.url())).unwrap();
    let started = Instant::now();
    let partition = if partitioned { include_str!("partitions/partition.sql") } else { "" };
    let rows = include_str!("partitions/rows.sql").replace(":calls", &format!("{calls}::bigint"));
    for sql in partition.split(";\n\n").chain(rows.split(";\n\n")).filter(|sql| !sql.trim().is_empty()) {
        runtime.block_on(run(&db, sql)).unwrap_or_else(|error| panic!("{error}: {sql}"));
    }
    eprintln!(
        "{} tables filled in {:.0?}",
        if partitioned { "partitioned" } else { "plain" },
        started.elapsed()
    );
    let variables = [("DATABASE_URL", &*scratch.url()), ("DATABASE_STATEMENT_TIMEOUT_MS", "0")];
    let database = runtime.block_on(open(&settings(&variables)));
    let mut times = Vec::new();
    let mut measured = |what, time: Duration| {
        eprintln!("{what}: {time:.1?}");
        times.push((what, time));
    };
    measured("insert a call", customer(runtime, &database, RUNS, &insert));
    let with_transcript = customer(runtime, &database, RUNS, &insert_with_transcript);
    measured("insert a call and its transcript", with_transcript);
    measured("claim 50 contacts", customer(runtime, &database, RUNS, &claim));
    let answered = customer(runtime, &database, RUNS, &async |tx, run| webhook(tx, run, calls).await);
    measured("answered, by call_id", answered);
    measured("statistics of a campaign", customer(runtime, &database, LONG_RUNS, &statistics));
    measured("remove a month of transcripts", runtime.block_on(expire(&database, &db, partitioned)));
    measured("delete a campaign with its calls", runtime.block_on(delete_campaign(&db)));
    runtime.block_on(database.close()).unwrap();
    runtime.block_on(db.close()).unwrap();
    times
}

/// The median time of statements in a customer transaction, which is rolled back.
fn customer(
    runtime: &Runtime,
    database: &Database,
    runs: usize,
    work: &impl AsyncFn(&CustomerTx, usize),
) -> Duration {
    let mut run = 0;
    let mut once = || {
        run += 1;
        runtime.block_on(async {
            let tx = database.customer(actor()).await.unwrap();
            let started = Instant::now();
            work(&tx, run).await;
            let time = started.elapsed();
            tx.rollback().await.unwrap();
            time
        })
    };
    let [time] = medians(runs, [&mut once]);
    time
}

/// The transaction's time is the default of both tables' times, which the partitioned transcript's key to its call contains.
async fn insert(tx: &CustomerTx, run: usize) {
    let call = entity::call_attempts::ActiveModel {
        id: Set(CallAttemptId::from_uuid(id(4, number(run)))),
        organization_id: Set(actor().organization),
        contact_id: Set(ContactId::from_uuid(id(25, 1 + number(run)))),
        campaign_id: Set(CampaignId::from_uuid(id(0, 25))),
        attempt_number: Set(1),
        call_id: Set(format!("new-call-{run}")),
        ..Default::default()
    };
    call.insert(tx).await.unwrap();
}

async fn insert_with_transcript(tx: &CustomerTx, run: usize) {
    insert(tx, run).await;
    let snippet = entity::transcript_snippets::ActiveModel {
        organization_id: Set(actor().organization),
        call_attempt_id: Set(CallAttemptId::from_uuid(id(4, number(run)))),
        transcript_text: Set("nine".to_owned()),
        ..Default::default()
    };
    snippet.insert(tx).await.unwrap();
}

async fn claim(tx: &CustomerTx, _run: usize) {
    let noon = || ChronoTime::from_hms_opt(12, 0, 0).unwrap();
    let claimed = contacts::claim_due(tx, CampaignId::from_uuid(id(0, 25)), 50, noon).await.unwrap();
    assert_eq!(claimed.len(), 50);
}

/// The event is that of a call of any month.
async fn webhook(tx: &CustomerTx, run: usize, calls: i64) {
    let event = ApplyProviderEvent {
        call_id: Some(format!("call-{}", number(run) * (calls / number(RUNS)))),
        provider_call_id: None,
        status: "answered".to_owned(),
        answered_at: Some(ChronoUtc::now()),
        ended_at: None,
        outcome: None,
        error_code: None,
        metadata: CallMetadata::default(),
    };
    assert!(call_attempts::apply_provider_event(tx, event).await.unwrap().is_some());
}

async fn statistics(tx: &CustomerTx, _run: usize) {
    let row = campaigns::statistics(tx, CampaignId::from_uuid(id(0, 12))).await.unwrap();
    assert!(row.attempts > 0);
}

/// Batch by batch, or the partition.
async fn expire(database: &Database, db: &DatabaseConnection, partitioned: bool) -> Duration {
    let started = Instant::now();
    if partitioned {
        run(db, "drop table transcript_snippets_0").await.unwrap();
        return started.elapsed();
    }
    let mut after = (DateTimeUtc::UNIX_EPOCH, TranscriptSnippetId::from_uuid(Uuid::nil()));
    loop {
        let tx = database.admin().await.unwrap();
        let next = DeleteExpired {
            organization_id: actor().organization,
            after_created_at: after.0,
            after_id: after.1,
            batch: 1000,
        };
        let rows = transcript_snippets::delete_expired(&tx, next).await.unwrap();
        tx.commit().await.unwrap();
        let Some(last) = rows.iter().map(|row| (row.created_at, row.id)).max() else {
            return started.elapsed();
        };
        after = last;
    }
}

/// The rows of a month, of which the keys find the calls and their transcripts.
async fn delete_campaign(db: &DatabaseConnection) -> Duration {
    let started = Instant::now();
    run(db, "delete from campaigns where name = 'Campaign 20'").await.unwrap();
    started.elapsed()
}

fn actor() -> Actor {
    Actor { organization: OrganizationId::from_uuid(id(0, 1)), user: UserId::from_uuid(id(0, 1)) }
}

/// The id that `rows.sql` computes from the kind and the number.
fn id(kind: u128, number: i64) -> Uuid {
    Uuid::from_u128(kind << 96 | 0x7000_8000_u128 << 48 | u128::try_from(number).unwrap())
}

fn number(number: usize) -> i64 {
    i64::try_from(number).unwrap()
}
