//! What the queries of `database` cost on a database of any size: the plan of one, or a report about all.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "as in tests: a failed step ends the measurement"
)]

mod chart;
mod measure;
mod render;

use clap::{Parser, Subcommand};
use measure::Measured;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tests::cases::cases;
use tests::factory::{open, settings};
use tests::plans::{self, Mode, Recorder, Report, names, report};
use tests::world::World;
use tests::{large, migrated};

/// Measures the queries of `database` on a private PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "performance")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the plan of one query, as `explain (analyze, buffers)` does.
    Explain {
        /// The query, as `contacts.claim_due`.
        name: String,
        /// The number of contacts.
        #[arg(long, default_value_t = 100_000)]
        contacts: u32,
        /// The plan for any values, instead of that for the values of the call.
        #[arg(long)]
        generic: bool,
    },
    /// Measures all queries with each number of contacts, and writes docs/performance.md.
    Report {
        /// The numbers of contacts; other numbers keep what was measured before.
        #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000, 5_000_000])]
        sizes: Vec<u32>,
    },
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match Cli::parse().command {
        Command::Explain { name, contacts, generic } => {
            let functions = cases().into_iter().map(|case| case.query.replace("::", "."));
            let known: BTreeSet<String> = names().into_iter().chain(functions).collect();
            if !known.contains(&name) {
                let known = known.into_iter().collect::<Vec<_>>().join("\n  ");
                eprintln!("error: `database` has no query {name}; it has\n  {known}");
                return ExitCode::from(2);
            }
            let mode = if generic { Mode::Generic } else { Mode::Custom };
            runtime.block_on(explain(&name, contacts, mode));
        }
        Command::Report { sizes } => {
            let mut measured = read();
            for size in sizes {
                measured.insert(size, runtime.block_on(measure::measure(size)));
                write(&measured);
            }
        }
    }
    ExitCode::SUCCESS
}

/// Prints the plan of each statement of the query, in the narrowest scope that it accepts.
async fn explain(name: &str, contacts: u32, mode: Mode) {
    let database = migrated("explain").await;
    large::fill(&database.url(), contacts).await;
    report(&database, Report::Text, Some(mode)).await;
    let recorder = Recorder::start();
    let world = World::of_many(open(&settings(&[("DATABASE_URL", &database.url())])).await).await;
    recorder.take();
    for case in cases() {
        plans::run_once(&world, &case).await;
        let is_its = case.query.replace("::", ".") == name;
        let found: Vec<_> = recorder.take().into_iter().filter(|notice| notice.query.contains('.')).collect();
        if is_its || found.iter().any(|notice| notice.query == name) {
            for notice in found.iter().filter(|notice| is_its || notice.query == name) {
                println!("{}, {contacts} contacts, {mode} plan\n{}\n", notice.query, notice.text);
            }
            return;
        }
    }
    unreachable!("each query has a case");
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// What was measured before, by the number of contacts.
fn read() -> BTreeMap<u32, Measured> {
    let text = std::fs::read_to_string(docs().join("performance/measured.json"));
    text.map_or_else(|_| BTreeMap::new(), |text| serde_json::from_str(&text).unwrap())
}

fn write(measured: &BTreeMap<u32, Measured>) {
    let docs = docs();
    std::fs::create_dir_all(docs.join("performance")).unwrap();
    let write = |file: &str, text: String| std::fs::write(docs.join(file), text).unwrap();
    write("performance/measured.json", serde_json::to_string_pretty(measured).unwrap() + "\n");
    write("performance/growth.svg", chart::growth(measured));
    write("performance.md", render::page(measured));
}
