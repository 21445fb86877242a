//! What the public API sustains under a mix of schedulers, webhooks, dialogues, e-mail workers and dashboards, beside `pgbench`
//! with the same connections on the same server; at the end nothing may be lost or done twice.
//!
//! `cargo bench -p tests --bench load -- --clients 1,8 --seconds 60` measures these numbers of clients. With `--faults`
//! schedulers are processes that are killed at random, and the server is restarted once in the middle.

#![expect(clippy::expect_used, reason = "a benchmark that cannot run has to fail")]

mod chart;

use clap::Parser;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use scratch::Server;
use sea_orm::prelude::ChronoUtc;
use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tests::connect;
use tests::load::{self, Faults, Kind, Ledger, Load, Outcome, Scene, Usage, mean, pools, scheduler};
use tokio::runtime::Runtime;

/// Scale of `pgbench`, 100,000 accounts each: more than its clients, so that they do not wait for one branch.
const SCALE: &str = "20";

/// Organizations with a running campaign each.
const ORGANIZATIONS: usize = 8;

/// The time after which calls are requeued that no client continues, because their scheduler was killed.
const STALLED_AFTER: Duration = Duration::from_mins(1);

/// Schedulers that are processes.
const SCHEDULERS: usize = 4;

/// A scheduler is killed this often, at most.
const KILL_EVERY: Duration = Duration::from_secs(10);

/// How much of the rate before the restart has to come back.
const BACK: f64 = 0.7;

#[derive(Parser)]
struct Arguments {
    /// The numbers of clients, each with a connection of its own [default: 1,2,4,8,16; with --faults 8].
    #[arg(long, value_delimiter = ',')]
    clients: Vec<usize>,

    /// Seconds for each number of clients [default: 20; with --faults 300].
    #[arg(long)]
    seconds: Option<u64>,

    /// The contacts to be called.
    #[arg(long, default_value_t = 200_000)]
    contacts: usize,

    /// The contacts of `seeder generate` beside them, with what happened to them.
    #[arg(long, default_value_t = 100_000)]
    generated: i64,

    /// Kill schedulers at random, and restart the server once in the middle.
    #[arg(long)]
    faults: bool,

    /// The file of the chart.
    #[arg(long, default_value = "target/load.svg")]
    chart: PathBuf,

    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The server, its database, and what was acknowledged.
struct Bench {
    runtime: Runtime,
    server: Arc<Server>,
    database: scratch::Database,
    scene: Scene,
    ledger: Arc<Ledger>,
    figures: Snapshotter,
    /// Bytes of a backup before the load.
    dumped: u64,
    broken: bool,
}

fn main() -> ExitCode {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(scheduler::run_if_asked());
    let Arguments { mut clients, seconds, contacts, generated, faults, chart: file, bench: _ } =
        Arguments::parse();
    if clients.is_empty() {
        clients = if faults { vec![8] } else { vec![1, 2, 4, 8, 16] };
    }
    let time = Duration::from_secs(seconds.unwrap_or(if faults { 300 } else { 20 }));
    let mut bench = Bench::new(runtime, contacts, generated);
    if faults {
        for clients in clients {
            bench.with_faults(clients, time);
        }
    } else {
        let points: Vec<chart::Point> = clients.iter().map(|clients| bench.measure(*clients, time)).collect();
        // Cargo runs it in the directory of the package.
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(&file);
        chart::write(&path, &points).expect("the chart is written");
        println!("chart: {}\n", file.display());
    }
    bench.finish()
}

impl Bench {
    fn new(runtime: Runtime, contacts: usize, generated: i64) -> Self {
        let recorder = DebuggingRecorder::new();
        let figures = recorder.snapshotter();
        recorder.install().expect("the only recorder");
        let server = Arc::new(load::server());
        let database = server.create_database("load").expect("a database");
        let url = database.url();
        let scene = runtime.block_on(async {
            load::fill(&url, generated).await;
            let scene = Scene::create(&pools(&url, 4).await, ORGANIZATIONS, contacts).await;
            load::analyze(&url).await;
            scene
        });
        println!(
            "PostgreSQL {}, {contacts} contacts of {ORGANIZATIONS} organizations\n",
            server.version() / 10_000
        );
        let dumped = dump(&server, &url);
        Self { runtime, server, database, scene, ledger: Arc::default(), figures, dumped, broken: false }
    }

    /// Measures a number of clients, and pgbench with as many.
    fn measure(&mut self, clients: usize, time: Duration) -> chart::Point {
        let pgbench = self.pgbench(clients, time);
        let url = self.database.url();
        let pools = self.runtime.block_on(pools(&url, clients));
        let load = Load::new(pools.clone(), &self.scene, &self.ledger, STALLED_AFTER);
        drop(self.figures.snapshot());
        let usage = || self.runtime.block_on(Usage::now(&self.server, &url));
        let (before, ended) = (usage(), load.calls_ended());
        let outcome = self.runtime.block_on(load.run(clients, time, async {}));
        let (used, ended) = (usage() - before, load.calls_ended() - ended);
        self.runtime.block_on(pools.close()).expect("the pools close");
        let ratio = outcome.rate() / pgbench;
        println!("{clients} clients");
        self.summary(&outcome);
        println!("  pgbench: {pgbench:.0} transactions/s with as many connections, ratio {ratio:.2}");
        println!("  each telephone call: {}", used.of_one(ended));
        self.queries();
        chart::Point { clients, ours: outcome.rate(), pgbench }
    }

    /// Measures with faults, and whether the rate comes back.
    fn with_faults(&mut self, clients: usize, time: Duration) {
        let url = self.database.url();
        let pools = self.runtime.block_on(pools(&url, clients));
        let load = Load::new(pools, &self.scene, &self.ledger, STALLED_AFTER);
        let half = time / 2;
        let faults =
            Faults { schedulers: SCHEDULERS, kill_every: KILL_EVERY, restart_after: half, until: time };
        let command = || Command::new(env::current_exe().expect("the path of this program"));
        let mut suffered = None;
        let inject = async { suffered = Some(faults.inject(&load, &self.server, &url, command).await) };
        let outcome = self.runtime.block_on(load.run(clients, time, inject));
        let suffered = suffered.unwrap_or_default();
        println!("{clients} clients, {SCHEDULERS} schedulers as processes");
        self.summary(&outcome);
        println!(
            "  {} schedulers killed; the server was stopped as by a crash, and back after {:.1?}",
            suffered.kills, suffered.down
        );
        let parts: Vec<&[u64]> = outcome.seconds.chunks((outcome.seconds.len() / 10).max(1)).collect();
        let rates: Vec<String> = parts.iter().map(|part| format!("{:.0}", mean(part))).collect();
        println!("  transactions/s in each tenth of the time: {}", rates.join(" "));
        let (before, after) = outcome.seconds.split_at(outcome.seconds.len() / 2);
        let (before, last) = (mean(before), mean(&after[after.len() / 2..]));
        println!("  {before:.0} before the restart, {last:.0} in the last quarter: {:.2}", last / before);
        if last < BACK * before {
            println!("  FAIL: less than {BACK} of the rate came back");
            self.broken = true;
        }
        self.queries();
    }

    fn summary(&mut self, outcome: &Outcome) {
        let Outcome { seconds, calls, errors, .. } = outcome;
        let lowest = seconds.iter().min().copied().unwrap_or_default();
        println!(
            "  {:.0} transactions/s sustained, {lowest} in the slowest second; {calls} telephone calls ended; errors: {}",
            outcome.rate(),
            listed(errors)
        );
        self.broken |= errors.keys().any(|kind| !matches!(kind, Kind::Retry | Kind::Unavailable));
    }

    /// Prints the percentiles of each query, slowest first.
    fn queries(&self) {
        let mut queries: Vec<(String, Vec<f64>)> = Vec::new();
        for (key, _, _, value) in self.figures.snapshot().into_vec() {
            let key = key.key();
            let label = key.labels().next().map_or_else(String::new, |label| label.value().to_owned());
            let name = match key.name() {
                "database_query_seconds" => label,
                "database_transaction_seconds" => format!("transaction ({label})"),
                _ => continue,
            };
            if let DebugValue::Histogram(values) = value
                && !values.is_empty()
            {
                let mut values: Vec<f64> = values.into_iter().map(f64::from).collect();
                values.sort_by(f64::total_cmp);
                queries.push((name, values));
            }
        }
        queries.sort_by(|(_, one), (_, other)| percentile(other, 50).total_cmp(&percentile(one, 50)));
        println!("  {:<42} {:>8} {:>9} {:>9} {:>9}", "query, ms", "count", "p50", "p95", "p99");
        for (name, values) in queries {
            let [p50, p95, p99] = [50, 95, 99].map(|percent| 1000.0 * percentile(&values, percent));
            println!("  {name:<42} {:>8} {p50:>9.2} {p95:>9.2} {p99:>9.2}", values.len());
        }
        println!();
    }

    /// Transactions in a second of `pgbench`.
    fn pgbench(&self, clients: usize, time: Duration) -> f64 {
        let program = self.server.binaries().expect("a server of our own").join("pgbench");
        let database = self.server.create_database("pgbench").expect("a database");
        let succeed = |command: &mut Command| {
            let output = command.arg(database.url()).output().expect("pgbench runs");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
            text
        };
        succeed(Command::new(&program).args(["--initialize", "--quiet", "--scale", SCALE]));
        let threads = clients.min(std::thread::available_parallelism().map_or(1, usize::from));
        let report = succeed(Command::new(&program).args([
            "--no-vacuum",
            &format!("--client={clients}"),
            &format!("--jobs={threads}"),
            &format!("--time={}", time.as_secs()),
        ]));
        let rate =
            report.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        rate.expect("pgbench reports its rate")
    }

    /// Compares the ledger with the database, and checks the consistency rules.
    fn finish(self) -> ExitCode {
        let Self { runtime, server, database, scene, ledger, dumped, mut broken, .. } = self;
        let added = dump(&server, &database.url()).saturating_sub(dumped);
        runtime.block_on(async {
            let db = connect(&database.url()).await.expect("a connection");
            let balance = ledger.compare(&db, &scene).await;
            println!(
                "ledger: {} calls claimed and ended as acknowledged, {} of them requeued before; {} without an \
                 acknowledged claim, requeued; {} e-mails; {} contradictions",
                balance.calls,
                balance.late,
                balance.orphans,
                balance.emails,
                balance.contradictions.len()
            );
            println!("backup: {} bytes for each call", added / balance.calls.max(1) as u64);
            for contradiction in balance.contradictions.iter().take(10) {
                println!("  {contradiction}");
            }
            let tx = pools(&database.url(), 1).await.admin().await.expect("a transaction");
            let report = seeder::check(&tx, ChronoUtc::now()).await.expect("the rules are checked");
            if report.is_consistent() {
                println!("consistency: {} rules hold", report.rules.len());
            } else {
                println!("{report}");
            }
            broken |= !report.is_consistent() || !balance.contradictions.is_empty();
        });
        ExitCode::from(u8::from(broken))
    }
}

/// Bytes of a compressed dump, as `ops backup` writes it.
fn dump(server: &Server, url: &str) -> u64 {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("dump");
    let mut command = Command::new(server.binaries().expect("a server of our own").join("pg_dump"));
    let status = command.args(["--format=custom", "--dbname", url, "--file"]).arg(&file).status();
    assert!(status.expect("pg_dump runs").success(), "pg_dump");
    file.metadata().expect("the dump").len()
}

fn listed(errors: &BTreeMap<Kind, u64>) -> String {
    if errors.is_empty() {
        return "none".to_owned();
    }
    errors.iter().map(|(kind, count)| format!("{kind:?} {count}")).collect::<Vec<_>>().join(", ")
}

/// A value of sorted ones, which are not empty.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}
