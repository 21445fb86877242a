//! What a verified backup and restore cost, beside `pg_dump` and `pg_restore` with the same options in the same run.

#![expect(clippy::expect_used, reason = "a benchmark that cannot run has to fail")]

mod comparison;

use comparison::{Table, medians};
use scratch::{Database, Server};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::process::binary;
use tests::server;

/// Rounds of the backups; odd, so that a median is a measurement.
const BACKUPS: usize = 7;

/// Rounds of the restores, which take longer.
const RESTORES: usize = 3;

/// Tables that are dumped at the same time.
const JOBS: &str = "--jobs=2";

fn main() -> ExitCode {
    let server = server();
    let Some(programs) = server.binaries() else {
        eprintln!(
            "error: the benchmark needs pg_dump and pg_restore of a local server; unset TEST_DATABASE_URL"
        );
        return ExitCode::FAILURE;
    };
    let directory = TempDir::new().expect("a temporary directory");
    let source = create(server, "source");
    finish(binary("migration", directory.path()).arg("up").env("DATABASE_URL", source.url()));
    let started = Instant::now();
    let rows = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/access.sql");
    let mut fill = Command::new(programs.join("psql"));
    fill.args([
        "--no-psqlrc",
        "--quiet",
        "--set=ON_ERROR_STOP=1",
        "--file",
        rows,
        "--command=vacuum analyze",
    ]);
    finish(fill.arg(source.url()));
    println!("filled in {:.0?}", started.elapsed());

    let mut table = Table::new();
    let (ours, theirs) = (directory.path().join("ours"), directory.path().join("theirs"));
    let [backup, dump] = medians(
        BACKUPS,
        [
            &mut || {
                clear(&ours);
                let mut command = binary("ops", directory.path());
                time(command.args(["backup", "--to", "ours", JOBS]).env("DATABASE_URL", source.url()))
            },
            &mut || {
                clear(&theirs);
                let mut command = Command::new(programs.join("pg_dump"));
                time(command.args(["--format=directory", JOBS, "--file"]).arg(&theirs).arg(source.url()))
            },
        ],
    );
    table.times("ops backup : pg_dump, 3,600,000 rows", backup, dump, Some(1.1));

    let [restore, single, parallel] = medians(
        RESTORES,
        [
            &mut || {
                let target = create(server, "ours");
                time(binary("ops", directory.path()).args(["restore", "ours", "--to", &target.url()]))
            },
            &mut || pg_restore(programs, &create(server, "single"), "--single-transaction", &theirs),
            &mut || pg_restore(programs, &create(server, "parallel"), JOBS, &theirs),
        ],
    );
    table.times("ops restore : pg_restore --single-transaction", restore, single, Some(1.1));
    table.times(
        "ops restore : pg_restore --jobs=2, which leaves a part if it fails",
        restore,
        parallel,
        None,
    );
    table.exit_code()
}

fn create(server: &Server, name: &str) -> Database {
    server.create_database(name).expect("a database")
}

fn clear(directory: &Path) {
    if directory.exists() {
        std::fs::remove_dir_all(directory).expect("the directory of the round before");
    }
}

fn pg_restore(programs: &Path, database: &Database, option: &str, dump: &Path) -> Duration {
    let mut command = Command::new(programs.join("pg_restore"));
    time(command.args(["--exit-on-error", option, "--dbname", &database.url()]).arg(dump))
}

fn time(command: &mut Command) -> Duration {
    let started = Instant::now();
    finish(command);
    started.elapsed()
}

fn finish(command: &mut Command) {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
