//! What generated data cost: `seeder generate` beside `psql \copy` of the same rows and beside SeaORM's `insert_many`, each into
//! an empty schema of the same server, and the memory of a run.
//!
//! A word after `--bench generate --` selects a part: `speed`, `memory`.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark that cannot run has to fail")]

mod comparison;

use comparison::{Table, medians};
use scratch::{Database, Server};
use sea_orm::{DatabaseConnection, EntityTrait, IntoActiveModel, Iterable, QuerySelect};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::process::binary;
use tests::{connect, server};
use tokio::runtime::Runtime;

/// The data of the comparison of speeds.
const OPTIONS: &str = "--organizations 10 --contacts 100000 --history 90";

/// The data of the measurement of memory.
const SIZES: [&str; 2] = [
    "--organizations 10 --contacts 100000 --history 90",
    "--organizations 10 --contacts 5000000 --history 365",
];

/// Rows of `insert_many`, which are enough for a rate.
const INSERTED: u64 = 20_000;

/// Rounds; odd, so that a median is a measurement.
const ROUNDS: usize = 3;

/// The most memory of a run, in kB.
const MEMORY: u32 = 200_000;

/// Tables that precede contacts, and call attempts.
const PARENTS: [&str; 6] =
    ["organizations", "users", "user_organizations", "email_templates", "campaigns", "provider_configs"];

fn main() -> ExitCode {
    let selected = |part: &str| {
        let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
        words.is_empty() || words.iter().any(|word| word == part)
    };
    let server = server();
    let Some(programs) = server.binaries() else {
        eprintln!("error: the benchmark needs psql of a local server; unset TEST_DATABASE_URL");
        return ExitCode::FAILURE;
    };
    let mut table = Table::new();
    if selected("speed") {
        speed(server, &programs.join("psql"), &mut table);
    }
    if selected("memory") {
        memory(server, &mut table);
    }
    table.exit_code()
}

fn speed(server: &Server, psql: &Path, table: &mut Table) {
    let runtime = Runtime::new().unwrap();
    let directory = TempDir::new().unwrap();
    let source = migrated(server, "source", directory.path());
    let report = generate(&source, OPTIONS, directory.path());
    println!("{report}");
    let copy = |url: &str, table: &str, direction: &str| {
        let file = directory.path().join(table);
        let command = format!("\\copy {table} {direction} '{}' with (format binary)", file.display());
        let mut psql = Command::new(psql);
        time(psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", &command, url]))
    };
    for table in PARENTS.into_iter().chain(["contacts", "call_attempts"]) {
        copy(&source.url(), table, "to");
    }
    let empty = || {
        let database = migrated(server, "target", directory.path());
        for table in PARENTS {
            copy(&database.url(), table, "from");
        }
        database
    };
    let [contacts, attempts] = ["contacts", "call_attempts"].map(|table| numbers(&report, table)[0]);
    let mut ours = Vec::new();
    for connections in ["1", "2"] {
        // The side that generates measures both tables at once; the second measurement is read from the same run.
        let mut last = String::new();
        let run = |table: &str, again: bool, last: &mut String| {
            if again {
                let database = migrated(server, "target", directory.path());
                let options = format!("{OPTIONS} --connections {connections}");
                *last = generate(&database, &options, directory.path());
            }
            let [rows, rate] = numbers(last, table);
            Duration::from_secs_f64(rows / rate)
        };
        let last = std::cell::RefCell::new(&mut last);
        let target = std::cell::RefCell::new(None);
        let [ours_contacts, theirs_contacts, ours_attempts, theirs_attempts] = medians(
            ROUNDS,
            [
                &mut || run("contacts", true, &mut last.borrow_mut()),
                &mut || {
                    let database = empty();
                    let time = copy(&database.url(), "contacts", "from");
                    *target.borrow_mut() = Some(database);
                    time
                },
                &mut || run("call_attempts", false, &mut last.borrow_mut()),
                &mut || copy(&target.borrow_mut().take().unwrap().url(), "call_attempts", "from"),
            ],
        );
        let limit = Some(1.0 / 0.8);
        for (what, rows, ours, theirs) in [
            ("contacts", contacts, ours_contacts, theirs_contacts),
            ("call_attempts", attempts, ours_attempts, theirs_attempts),
        ] {
            table.times(&format!("{rows} {what}, {connections} connections : \\copy"), ours, theirs, limit);
        }
        ours.push([ours_contacts, ours_attempts]);
    }
    let ours = ours.pop().unwrap();
    let insert = |table: &str| {
        let database = empty();
        if table == "call_attempts" {
            copy(&database.url(), "contacts", "from");
        }
        runtime.block_on(async {
            let [from, to] = [connect(&source.url()).await.unwrap(), connect(&database.url()).await.unwrap()];
            match table {
                "contacts" => insert_many::<entity::contacts::Entity>(&from, &to).await,
                _ => insert_many::<entity::call_attempts::Entity>(&from, &to).await,
            }
        })
    };
    let theirs = medians(ROUNDS, [&mut || insert("contacts"), &mut || insert("call_attempts")]);
    for (((what, rows), ours), theirs) in
        [("contacts", contacts), ("call_attempts", attempts)].into_iter().zip(ours).zip(theirs)
    {
        // Of as many rows.
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let theirs = theirs.mul_f64(rows / INSERTED as f64);
        table.times(&format!("{rows} {what}, 2 connections : insert_many"), ours, theirs, Some(1.0 / 3.0));
    }
}

/// The time to insert the first rows of a table with as few statements as the limit of parameters allows.
async fn insert_many<E>(from: &DatabaseConnection, to: &DatabaseConnection) -> Duration
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel> + Sync,
    E::ActiveModel: Send,
{
    let models = E::find().limit(INSERTED).all(from).await.unwrap();
    let rows: Vec<E::ActiveModel> = models.into_iter().map(IntoActiveModel::into_active_model).collect();
    let limit = 65_535 / E::Column::iter().count();
    let started = Instant::now();
    for rows in rows.chunks(limit) {
        E::insert_many(rows.to_vec()).exec_without_returning(to).await.unwrap();
    }
    started.elapsed()
}

/// The memory of a run, of which the parts that are in memory do not depend on its end.
fn memory(server: &Server, table: &mut Table) {
    let directory = TempDir::new().unwrap();
    for options in SIZES {
        let database = migrated(server, "memory", directory.path());
        let mut command = command(&database, options, directory.path());
        let mut running =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut most = 0;
        while running.try_wait().unwrap().is_none() {
            most = resident(running.id()).unwrap_or(most).max(most);
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(running.wait().unwrap().success(), "generate {options}");
        let ratio = f64::from(most) / f64::from(MEMORY);
        table.line(&format!("kB of generate {options} : limit"), most, MEMORY, ratio, Some(1.0));
    }
}

/// The greatest resident memory of a process so far, in kB; `None` if it has exited, or where there is no `/proc`.
fn resident(process: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

fn migrated(server: &Server, name: &str, directory: &Path) -> Database {
    let database = server.create_database(name).expect("a database");
    time(binary("migration", directory).arg("up").env("DATABASE_URL", database.url()));
    database
}

fn command(database: &Database, options: &str, directory: &Path) -> Command {
    let mut command = binary("seeder", directory);
    command.arg("generate").args(options.split_whitespace()).env("DATABASE_URL", database.url());
    command
}

/// The summary of a run.
fn generate(database: &Database, options: &str, directory: &Path) -> String {
    let output = command(database, options, directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The rows of a table in a summary, and the rows per second.
fn numbers(report: &str, table: &str) -> [f64; 2] {
    let line = report.lines().find(|line| line.split_whitespace().next() == Some(table)).expect("the table");
    let numbers: Vec<f64> =
        line.split_whitespace().skip(1).map(|number| number.replace(',', "").parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

fn time(command: &mut Command) -> Duration {
    let started = Instant::now();
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    started.elapsed()
}
