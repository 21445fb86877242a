//! The builders for tables in use, run by a migrator that is killed, waits, or meets others at work.

mod backfill;
mod concurrent_index;
mod throttle;

use crate::migration::snapshot::fill;
use sea_orm::{DatabaseConnection, DbBackend};
use std::time::{Duration, Instant};
use tests::process::{Migrator, Running};
use tests::{run, texts};

/// A migrator that has these recipes after the migrations of the workspace.
fn recipes(url: &str, names: &str) -> Migrator {
    Migrator::on(url).program(env!("CARGO_BIN_EXE_recipes")).with("RECIPES", names)
}

/// How often a test kills the migrator: `KILLS`, or 5.
fn kills() -> u32 {
    std::env::var("KILLS").map_or(5, |kills| kills.parse().unwrap())
}

/// Adds so many contacts that were called.
async fn insert_contacts(db: &DatabaseConnection, count: usize) {
    fill(db).await;
    let postgres = format!(
        "set session_replication_role = replica;
         insert into contacts (organization_id, campaign_id, phone_number, email, last_attempt_at)
         select organization_id, id, '+1555' || n, n || '@example.com', now()
         from (select * from campaigns order by id limit 1) c, generate_series(1, {count}) n;
         update contacts set last_attempt_at = now();
         reset session_replication_role;
         analyze contacts"
    );
    let sqlite = format!(
        "with recursive n (n) as (select 1 union all select n + 1 from n where n < {count})
         insert into contacts (organization_id, campaign_id, phone_number, email, last_attempt_at)
         select organization_id, id, '+1555' || n, n || '@example.com', '2026-11-30T00:00:00+00:00'
         from (select * from campaigns order by id limit 1) c, n;
         update contacts set last_attempt_at = '2026-11-30T00:00:00+00:00'"
    );
    run(db, if db.get_database_backend() == DbBackend::Postgres { &postgres } else { &sqlite })
        .await
        .unwrap();
}

/// Waits until the server process of a run executes a statement that begins like this, and returns the process's id.
async fn backend_at(db: &DatabaseConnection, running: &mut Running, statement: &str) -> String {
    let sql = format!(
        "select pid::text from pg_stat_activity where application_name = 'migration, process {}'
         and state = 'active' and query like '{statement}%'",
        running.id()
    );
    let started = Instant::now();
    loop {
        if let Some(backend) = texts(db, &sql).await.pop() {
            return backend;
        }
        assert!(!running.has_exited(), "it ended before: {}", running.kill());
        assert!(started.elapsed() < Duration::from_mins(1), "{running:?} does not execute {statement}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Waits until no migrator is connected.
async fn settle(db: &DatabaseConnection) {
    let sql = "select pid::text from pg_stat_activity
               where datname = current_database() and application_name like 'migration, process %'";
    let started = Instant::now();
    while !texts(db, sql).await.is_empty() {
        assert!(started.elapsed() < Duration::from_mins(1), "a killed migrator stays on the server");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The state that `status` shows for the migration whose name ends like this.
fn state(migrator: &Migrator, name: &str) -> String {
    let status = migrator.run("status");
    let line = status
        .succeeds()
        .stdout
        .lines()
        .find(|line| line.trim().split(' ').next().is_some_and(|found| found.ends_with(name)));
    line.unwrap_or_else(|| panic!("no {name} in {status}"))
        .trim()
        .split_once(' ')
        .unwrap()
        .1
        .trim()
        .to_owned()
}
