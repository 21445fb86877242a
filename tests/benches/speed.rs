//! What `up` and the fixtures cost, beside `psql` doing the same in the same run.

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

/// Rounds of each comparison; odd, so that a median is a measurement.
const ROUNDS: usize = 21;

fn main() -> ExitCode {
    let server = server();
    let Some(programs) = server.binaries() else {
        eprintln!("error: the benchmark needs psql and pg_dump of a local server; unset TEST_DATABASE_URL");
        return ExitCode::FAILURE;
    };
    let directory = TempDir::new().expect("a temporary directory");
    // psql requires the role, which exists as long as this database does.
    let model = create(server, "model");
    finish(binary("migration", directory.path()).arg("up").env("DATABASE_URL", model.url()));
    finish(binary("seeder", directory.path()).env("DATABASE_URL", model.url()));
    let schema = directory.path().join("schema.sql");
    let rows = directory.path().join("rows.sql");
    dump(programs, &model, &schema, &["--schema-only"]);
    dump(programs, &model, &rows, &["--data-only", "--exclude-table", "seaql_migrations"]);

    let mut table = Table::new();
    let [ours, theirs] = medians(
        ROUNDS,
        [
            &mut || {
                let database = create(server, "up");
                time(binary("migration", directory.path()).arg("up").env("DATABASE_URL", database.url()))
            },
            &mut || time(psql(programs, &create(server, "psql"), &schema)),
        ],
    );
    table.times("up, 15 migrations : psql -f of the schema", ours, theirs, Some(1.1));
    // `create_database_from` requires that no session is connected, which holds between two rounds.
    let empty = create(server, "migrated");
    finish(binary("migration", directory.path()).arg("up").env("DATABASE_URL", empty.url()));
    let copy = || server.create_database_from(&empty, "seed").expect("a copy");
    let [ours, theirs] = medians(
        ROUNDS,
        [
            &mut || {
                let database = copy();
                time(binary("seeder", directory.path()).env("DATABASE_URL", database.url()))
            },
            &mut || time(psql(programs, &copy(), &rows)),
        ],
    );
    table.times("seeder, 20 records : psql -f of the rows", ours, theirs, None);
    table.exit_code()
}

fn create(server: &Server, name: &str) -> Database {
    server.create_database(name).expect("a database")
}

fn psql(programs: &Path, database: &Database, file: &Path) -> Command {
    let mut command = Command::new(programs.join("psql"));
    command.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--output", "/dev/null", "--file"]);
    command.arg(file).arg(database.url());
    command
}

fn dump(programs: &Path, database: &Database, file: &Path, options: &[&str]) {
    finish(Command::new(programs.join("pg_dump")).args(options).arg("--file").arg(file).arg(database.url()));
}

fn time(mut command: impl std::borrow::BorrowMut<Command>) -> Duration {
    let started = Instant::now();
    finish(command.borrow_mut());
    started.elapsed()
}

fn finish(command: &mut Command) {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
