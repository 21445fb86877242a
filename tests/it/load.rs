//! A short form of the benchmark `load`, so that it keeps working: what is lost or done twice in seconds is lost in minutes.

use sea_orm::prelude::ChronoUtc;
use seeder::check;
use std::env;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tests::factory::{open, settings};
use tests::load::{Faults, Kind, Ledger, Load, Scene, scheduler};
use tests::{connect, migrate, private_server};

/// What a scheduler process of the test runs.
const SCHEDULER: &str = "load::a_scheduler_process";

#[tokio::test]
async fn nothing_is_lost_or_done_twice_while_schedulers_are_killed_and_the_server_is_restarted() {
    // An acknowledged commit outlives the stop of the server, but need not outlive the machine.
    let durable = [("synchronous_commit", "on")];
    let Some(server) = private_server::start_with(false, &durable, "load with faults") else { return };
    let server = Arc::new(server);
    let database = server.create_database("load").unwrap();
    let url = database.url();
    migrate(&url).await;
    let pools = open(&settings(&[("DATABASE_URL", &url), ("DATABASE_POOL_SIZE", "4")])).await;
    let scene = Scene::create(&pools, 2, 3000).await;
    let ledger = Arc::new(Ledger::default());

    let load = Load::new(pools.clone(), &scene, &ledger, Duration::from_mins(1));
    let alone = load.run(4, Duration::from_secs(2), async {}).await;
    assert_eq!(alone.errors.iter().find(|(kind, _)| **kind != Kind::Retry), None, "without faults");

    let time = Duration::from_secs(6);
    let faults = Faults { schedulers: 2, kill_every: time / 6, restart_after: time / 3, until: time };
    let command = || {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", SCHEDULER, "--ignored", "--nocapture"]);
        command
    };
    let load = Load::new(pools.clone(), &scene, &ledger, Duration::from_mins(1));
    let mut suffered = None;
    let inject = async { suffered = Some(faults.inject(&load, &server, &url, command).await) };
    let outcome = load.run(4, time, inject).await;
    let suffered = suffered.unwrap();
    assert!(suffered.kills > 0 && !suffered.down.is_zero(), "{suffered:?}");
    assert!(outcome.errors.contains_key(&Kind::Unavailable), "{outcome:?}");
    assert!(alone.calls > 0 && outcome.calls > 0, "{alone:?} {outcome:?}");

    let db = connect(&url).await.unwrap();
    let balance = ledger.compare(&db, &scene).await;
    assert_eq!(balance.contradictions, [""; 0], "{balance:?}");
    let report = check(&pools.admin().await.unwrap(), ChronoUtc::now()).await.unwrap();
    assert!(report.is_consistent(), "{report}");
}

#[test]
#[ignore = "a process of the test above"]
fn a_scheduler_process() {
    tokio::runtime::Runtime::new().unwrap().block_on(scheduler::run_if_asked());
}
