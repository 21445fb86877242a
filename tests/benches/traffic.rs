//! What clients notice while the table of contacts is changed: the mix of `--bench load` runs on 1,000,000 contacts, and
//! beside it each builder of `migration::online`, then the plain statement that it replaces, which is rolled back.
//!
//! A client's turn may take 2 s, which is less than twice the lock timeout, and none may fail; otherwise the exit code is 1.

#![expect(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot run has to fail")]

use clap::Parser;
use migration::online::{Backfill, Check, ConcurrentIndex, ForeignKey, NotNull, Rename, add_column};
use sea_orm::{DatabaseConnection, DbErr, TransactionTrait as _};
use sea_orm_migration::prelude::SchemaManager;
use sea_orm_migration::schema::{big_integer, uuid_null};
use sea_query::ColumnType;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tests::load::{self, Load, Outcome, Scene};
use tests::{code, connect, run};
use tokio::runtime::Runtime;

/// The lock timeout of the migrator here, a little more than `deadlock_timeout`, 1 s: only after that time does the server
/// cancel an autovacuum that has the lock.
const LOCK_TIMEOUT: Duration = Duration::from_millis(1500);

/// What a client's turn may take.
const LONGEST: Duration = Duration::from_secs(2);

/// Attempts of a migration that does not get its locks, as the migrator makes them.
const ATTEMPTS: usize = 5;

/// The shortest time of a measurement.
const SHORTEST: Duration = Duration::from_secs(5);

/// The time after which calls are requeued, longer than a run.
const STALLED_AFTER: Duration = Duration::from_hours(1);

#[derive(Parser)]
struct Arguments {
    /// The contacts of `seeder generate`.
    #[arg(long, default_value_t = 1_000_000)]
    contacts: i64,

    /// Clients, each with a connection of its own.
    #[arg(long, default_value_t = 8)]
    clients: usize,

    /// Measure only the changes whose name contains this text.
    #[arg(long, default_value = "")]
    only: String,

    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

type Done<'a> = Pin<Box<dyn Future<Output = Result<(), DbErr>> + Send + 'a>>;

/// A migration.
struct Step {
    name: &'static str,
    transactional: bool,
    up: for<'a> fn(&'a SchemaManager<'a>) -> Done<'a>,
}

/// A change of contacts: its migrations, and the statements that a migration without the builders would have.
struct Change {
    name: &'static str,
    steps: Vec<Step>,
    naive: &'static [&'static str],
}

macro_rules! steps {
    ($($transactional:literal $name:literal |$manager:ident| $up:expr),+ $(,)?) => {
        vec![$(Step { name: $name, transactional: $transactional, up: |$manager| Box::pin(async move { $up.await }) }),+]
    };
}

const UNIQUE: &[&str] = &["campaign_id", "id"];

const CHECK: Check =
    Check { table: "contacts", rule: "attempts_count_limit", condition: "attempts_count <= 1000000" };

const NOT_NULL: NotNull = NotNull { table: "contacts", column: "email", sqlite_type: "text" };

fn emails() -> Backfill {
    Backfill::new("contacts", "email = 'none@example.com'", "email is null")
}

fn key() -> ForeignKey {
    ForeignKey::own("contacts", "invitation_template_id", "email_templates", "set null")
}

fn rename() -> Rename {
    Rename {
        table: "contacts",
        from: "last_attempt_at",
        to: "last_called_at",
        column_type: ColumnType::TimestampWithTimeZone,
        not_null: false,
        customer_updates: true,
    }
}

fn changes() -> Vec<Change> {
    vec![
        Change {
            name: "a column with a default",
            steps: steps![true "add" |m| add_column(m, "contacts", big_integer("priority").default(0).to_owned())],
            naive: &["alter table contacts add column naive uuid not null default uuid_generate_v4()"],
        },
        Change {
            name: "an index",
            steps: steps![false "create" |m| ConcurrentIndex::new("contacts", &["email"]).create(m)],
            naive: &["create index naive on contacts (email)"],
        },
        Change {
            name: "a unique constraint",
            steps: steps![false "create" |m| ConcurrentIndex::unique("contacts", UNIQUE).create_constraint(m)],
            naive: &["alter table contacts add constraint naive unique (campaign_id, id)"],
        },
        Change {
            name: "a check",
            steps: steps![true "add" |m| CHECK.add(m), true "validate" |m| CHECK.validate(m)],
            naive: &["alter table contacts add constraint naive check (attempts_count <= 1000000)"],
        },
        Change {
            name: "NOT NULL",
            steps: steps![
                true "check" |m| NOT_NULL.add_check(m),
                false "backfill" |m| emails().run(m),
                true "validate" |m| NOT_NULL.validate(m),
                true "set" |m| NOT_NULL.set(m),
            ],
            naive: &[
                "alter table contacts alter column email drop not null",
                "alter table contacts alter column email set not null",
            ],
        },
        Change {
            name: "a foreign key",
            steps: steps![
                true "column" |m| add_column(m, "contacts", uuid_null("invitation_template_id")),
                true "add" |m| key().add(m),
                false "index" |m| ConcurrentIndex::new("contacts", &["organization_id", "invitation_template_id"]).create(m),
                true "validate" |m| key().validate(m),
            ],
            naive: &["alter table contacts add constraint naive foreign key (organization_id, campaign_id) \
                      references campaigns (organization_id, id)"],
        },
        Change {
            name: "a new name or type of a column",
            steps: steps![
                true "expand" |m| rename().expand(m),
                false "backfill" |m| rename().backfill().run(m),
                // The clients use the old name, so the new one is dropped in place of it: the same statement.
                true "contract" |m| rename().undo_expand(m),
            ],
            naive: &["alter table contacts alter column attempts_count type numeric"],
        },
    ]
}

fn main() -> ExitCode {
    let Arguments { contacts, clients, only, bench: _ } = Arguments::parse();
    let runtime = Runtime::new().expect("a runtime");
    let server = load::server();
    let filled = server.create_database("filled").expect("a database");
    let scene = runtime.block_on(async {
        load::fill(&filled.url(), contacts).await;
        let pools = load::pools(&filled.url(), clients).await;
        let scene = Scene::create(&pools, 8, 200_000).await;
        pools.close().await.expect("the pools close");
        load::analyze(&filled.url()).await;
        scene
    });
    println!("{clients} clients, lock timeout {LOCK_TIMEOUT:?}, {contacts} generated contacts\n");
    println!(
        "{:<32} {:<16} {:>9} {:>14} {:>14} {:>14}  errors",
        "change", "migration", "time", "longest before", "longest turn", "transactions/s"
    );
    let mut failed = false;
    for change in changes().iter().filter(|change| change.name.contains(&only)) {
        // A copy for each, so that none works on what the others, and their load, left behind.
        let copy = server.create_database_from(&filled, "traffic").expect("a copy");
        failed |= runtime.block_on(measure(&copy.url(), &scene, change, clients));
    }
    ExitCode::from(u8::from(failed))
}

/// Measures a change, and returns whether a limit was exceeded.
async fn measure(url: &str, scene: &Scene, change: &Change, clients: usize) -> bool {
    let pools = load::pools(url, clients).await;
    let db = connect(url).await.expect("a connection");
    run(&db, &format!("set lock_timeout = {}", LOCK_TIMEOUT.as_millis())).await.expect("a setting");
    let load = Load::new(pools.clone(), scene, &Arc::default(), STALLED_AFTER);
    let mut failed = false;
    let mut print = |step: &str, time: Duration, before: Option<Duration>, outcome: &Outcome| {
        let Outcome { longest, errors, .. } = outcome;
        let exceeds = before.is_some() && (*longest > LONGEST || !errors.is_empty());
        failed |= exceeds;
        let before = before.map_or_else(String::new, |before| format!("{before:.2?}"));
        let rate = outcome.rate();
        let verdict = if exceeds { "  FAIL" } else { "" };
        println!(
            "{:<32} {step:<16} {time:>9.2?} {before:>14} {longest:>14.2?} {rate:>14.0}  {errors:?}{verdict}",
            change.name
        );
    };
    for step in &change.steps {
        let before = load.run(clients, SHORTEST, async {}).await.longest;
        let mut time = Duration::ZERO;
        let migration = async {
            let began = Instant::now();
            apply(&db, step).await.unwrap_or_else(|error| panic!("{}, {}: {error}", change.name, step.name));
            time = began.elapsed();
        };
        let outcome = load.run(clients, SHORTEST, migration).await;
        print(step.name, time, Some(before), &outcome);
    }
    let mut time = Duration::ZERO;
    let naive = async {
        let began = Instant::now();
        let plain = connect(url).await.expect("a connection");
        let transaction = plain.begin().await.expect("a transaction");
        for sql in change.naive {
            run(&transaction, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        transaction.rollback().await.expect("a rollback");
        plain.close().await.expect("the connection closes");
        time = began.elapsed();
    };
    let outcome = load.run(clients, SHORTEST, naive).await;
    print("plain statement", time, None, &outcome);
    pools.close().await.expect("the pools close");
    db.close().await.expect("the connection closes");
    failed
}

/// Applies a migration as the migrator does.
async fn apply(db: &DatabaseConnection, step: &Step) -> Result<(), DbErr> {
    for attempt in 1.. {
        let result = if step.transactional {
            let transaction = db.begin().await?;
            let result = (step.up)(&SchemaManager::new(&transaction)).await;
            if result.is_ok() { transaction.commit().await } else { transaction.rollback().await.and(result) }
        } else {
            (step.up)(&SchemaManager::new(db)).await
        };
        match result {
            // lock_not_available
            Err(error) if attempt < ATTEMPTS && code(&error) == "55P03" => {
                tokio::time::sleep(LOCK_TIMEOUT).await;
            }
            result => return result,
        }
    }
    Ok(())
}
