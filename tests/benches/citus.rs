//! The load of `load` on one server, and on Citus with a coordinator and two workers, which share the machine: what a
//! transaction costs on each node, and whether it waits for another one.
//!
//! `cargo bench -p tests --bench citus -- --clients 1,8 --seconds 15`

#![expect(clippy::expect_used, reason = "a benchmark that cannot run has to fail")]

use clap::Parser;
use database::Database;
use scratch::Server;
use sea_orm::DatabaseConnection;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tests::cluster::Cluster;
use tests::factory::{open, settings};
use tests::load::{self, Kind, Ledger, Load, Scene, processor_time};
use tests::{connect, migrate, texts};

/// Organizations with a running campaign each.
const ORGANIZATIONS: usize = 8;

/// The time after which calls are requeued, longer than a run.
const STALLED_AFTER: Duration = Duration::from_mins(10);

/// Sessions that wait for a lock of another one are counted this often.
const SAMPLE: Duration = Duration::from_millis(100);

#[derive(Parser)]
struct Arguments {
    /// The numbers of clients, each with a connection of its own.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8])]
    clients: Vec<usize>,

    /// Seconds for each number of clients.
    #[arg(long, default_value_t = 15)]
    seconds: u64,

    /// The contacts to be called.
    #[arg(long, default_value_t = 40_000)]
    contacts: usize,

    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { clients, seconds, contacts, bench: _ } = Arguments::parse();
    let Some(cluster) = Cluster::start(&load::SETTINGS) else { return ExitCode::SUCCESS };
    let time = Duration::from_secs(seconds);
    let one = load::server();
    let database = one.create_database("load").expect("a database");
    migrate(&database.url()).await;
    let mut broken = false;
    let alone =
        measure("one server", &database.url(), "5000", &[&one], &clients, time, contacts, &mut broken).await;
    let url = cluster.distributed("load").await;
    let nodes: Vec<&Server> = cluster.nodes.iter().collect();
    let three =
        measure("coordinator, worker 1, worker 2", &url, "0", &nodes, &clients, time, contacts, &mut broken)
            .await;
    for ((clients, alone), three) in clients.iter().zip(alone).zip(three) {
        println!(
            "{clients} clients: {:.2} of the transactions of one server, {:.2} of its CPU time for each",
            three.rate / alone.rate,
            three.cost / alone.cost
        );
    }
    ExitCode::from(u8::from(broken))
}

/// Transactions in a second, and the CPU time of all servers for each in milliseconds.
struct Figures {
    rate: f64,
    cost: f64,
}

#[expect(clippy::too_many_arguments, reason = "one call for each kind of database")]
async fn measure(
    name: &str,
    url: &str,
    statements: &str,
    nodes: &[&Server],
    clients: &[usize],
    time: Duration,
    contacts: usize,
    broken: &mut bool,
) -> Vec<Figures> {
    println!("{name}");
    let scene = Scene::create(&pools(url, statements, 4).await, ORGANIZATIONS, contacts).await;
    load::analyze(url).await;
    let owner = connect(url).await.expect("a connection");
    let ledger = Arc::new(Ledger::default());
    let mut figures = Vec::new();
    for &clients in clients {
        let pools = pools(url, statements, clients).await;
        let load = Load::new(pools.clone(), &scene, &ledger, STALLED_AFTER);
        let (mut used, mut waiting) = (Vec::new(), 0.0);
        let meanwhile = async {
            let before: Vec<Duration> = nodes.iter().map(|node| processor_time(node)).collect();
            waiting = sample(&owner, time).await;
            used = nodes
                .iter()
                .zip(before)
                .map(|(node, before)| processor_time(node).saturating_sub(before))
                .collect();
        };
        let outcome = load.run(clients, time, meanwhile).await;
        pools.close().await.expect("the pools close");
        let rate = outcome.rate();
        let transactions = rate * time.as_secs_f64();
        let costs: Vec<f64> =
            used.iter().map(|used: &Duration| 1000.0 * used.as_secs_f64() / transactions).collect();
        let listed: Vec<String> = costs.iter().map(|cost| format!("{cost:.2}")).collect();
        println!(
            "  {clients} clients: {rate:.0} transactions/s; CPU ms for each: {}; {waiting:.2} sessions of the first node \
             wait for a lock; errors: {:?}",
            listed.join(", "),
            outcome.errors
        );
        *broken |= outcome.errors.keys().any(|kind| *kind != Kind::Retry);
        figures.push(Figures { rate, cost: costs.iter().sum() });
    }
    let balance = ledger.compare(&owner, &scene).await;
    println!("  ledger: {} calls, {} contradictions", balance.calls, balance.contradictions.len());
    *broken |= !balance.contradictions.is_empty();
    figures
}

async fn pools(url: &str, statements: &str, size: usize) -> Database {
    let size = size.to_string();
    let more = [
        ("DATABASE_STATEMENT_CACHE", statements),
        ("DATABASE_POOL_SIZE", &*size),
        ("DATABASE_MAX_OVERFLOW", "0"),
    ];
    open(&settings(&[&[("DATABASE_URL", url)], &more[..]].concat())).await
}

/// The mean number of sessions that wait for a lock of another one, during this time.
async fn sample(owner: &DatabaseConnection, time: Duration) -> f64 {
    let began = Instant::now();
    let (mut samples, mut found) = (0_u32, 0_u32);
    while began.elapsed() < time {
        let waiting =
            "select count(*)::text from pg_stat_activity where wait_event_type in ('Lock', 'LWLock')";
        found += texts(owner, waiting).await[0].parse::<u32>().expect("a number");
        samples += 1;
        tokio::time::sleep(SAMPLE).await;
    }
    f64::from(found) / f64::from(samples)
}
