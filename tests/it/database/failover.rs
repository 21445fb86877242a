//! A URL with several hosts: the primary is killed, a replica is promoted, and the load continues there.

use database::{Database, Error, SystemActor};
use entity::id::OrganizationId;
use scratch::Server;
use sea_orm::prelude::Uuid;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tests::factory::{open, settings};
use tests::runtime::{sleep, spawn};
use tests::{connect, migrate, on_both_runtimes, private_server, run, texts};

/// The time from the end of the promotion to the first commit, far below which it is on an idle machine.
const RESUMED: Duration = Duration::from_secs(5);

const TABLE: &str = "
    create table done (number bigint primary key);
    grant insert on done to customer;
    alter table done enable row level security;
    create policy done on done to customer using (true)";

on_both_runtimes! {
    after_the_primarys_death_the_load_continues_on_the_promoted_replica_and_no_commit_is_lost,
    a_server_that_refuses_to_write_is_unavailable_and_its_connection_is_closed,
}

/// The URL of a database on two servers.
fn both(first: &Server, second: &Server, name: &str) -> String {
    let [first, second] = [first, second].map(|server| server.socket_dir().unwrap().display().to_string());
    format!(
        "postgres://postgres@localhost/{name}?host={first},{second}&sslmode=disable&target_session_attrs=read-write"
    )
}

fn actor() -> SystemActor {
    SystemActor { organization: OrganizationId::from_uuid(Uuid::nil()) }
}

async fn prepared(url: &str) {
    migrate(url).await;
    let db = connect(url).await.unwrap();
    run(&db, TABLE).await.unwrap();
    let organization =
        format!("insert into organizations (id, name, slug) values ('{}', 'Acme', 'acme')", Uuid::nil());
    run(&db, &organization).await.unwrap();
    db.close().await.unwrap();
}

async fn after_the_primarys_death_the_load_continues_on_the_promoted_replica_and_no_commit_is_lost() {
    const TASKS: usize = 4;
    let primary =
        private_server::start_with(false, &[("synchronous_commit", "on")], "the death of a primary");
    let Some(primary) = primary else { return };
    let database = primary.create_database("failover").unwrap();
    prepared(&database.url()).await;
    let replica = primary.start_replica(&[]).unwrap();
    // A commit is acknowledged once the replica has it as well.
    let db = connect(&primary.url("postgres")).await.unwrap();
    run(&db, "alter system set synchronous_standby_names = '*'").await.unwrap();
    run(&db, "select pg_reload_conf()").await.unwrap();
    db.close().await.unwrap();
    // The replica stands first, so that the primary has to be looked for.
    let url = both(&replica, &primary, database.name());
    let pools = open(&settings(&[("DATABASE_URL", &url), ("DATABASE_ACQUIRE_TIMEOUT_MS", "2000")])).await;

    let next = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let committed: Arc<Mutex<Vec<(u64, Instant)>>> = Arc::default();
    let wrong: Arc<Mutex<Vec<String>>> = Arc::default();
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let (pools, next, stop) = (pools.clone(), Arc::clone(&next), Arc::clone(&stop));
        let (committed, wrong) = (Arc::clone(&committed), Arc::clone(&wrong));
        tasks.push(spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                match insert(&pools, number, task % 2 == 0).await {
                    Ok(()) => committed.lock().unwrap().push((number, Instant::now())),
                    Err(Error::Retry | Error::Unavailable(_)) => {}
                    Err(other) => wrong.lock().unwrap().push(format!("{other:?}")),
                }
            }
        }));
    }
    let after = async |count: usize, since: Instant| {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let mut times: Vec<Instant> = committed.lock().unwrap().iter().map(|(_, at)| *at).collect();
            times.retain(|at| *at > since);
            let enough = times.len() >= count;
            let first = times.into_iter().min();
            if let Some(first) = first.filter(|_| enough) {
                return first;
            }
            assert!(Instant::now() < deadline, "no commit: {:?}", wrong.lock().unwrap());
            sleep(Duration::from_millis(5)).await;
        }
    };
    after(200, Instant::now()).await;
    let killed = Instant::now();
    primary.stop_at_once().unwrap();
    replica.promote().unwrap();
    let promoted = Instant::now();
    let resumed = after(200, promoted).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await;
    }
    let (outage, search) = (resumed - killed, resumed - promoted);
    println!("the load continued {outage:?} after the kill, {search:?} after the promotion");
    assert_eq!(wrong.lock().unwrap().as_slice(), [""; 0]);
    assert!(search < RESUMED, "{search:?}");
    let tx = pools.admin().await.unwrap();
    let found = texts(&tx, "select number::text from done").await;
    let found: BTreeSet<u64> = found.iter().map(|number| number.parse().unwrap()).collect();
    let lost: Vec<u64> = committed
        .lock()
        .unwrap()
        .iter()
        .map(|(number, _)| *number)
        .filter(|number| !found.contains(number))
        .collect();
    assert_eq!(lost, [0_u64; 0], "committed and not there");
}

async fn insert(pools: &Database, number: u64, admin: bool) -> Result<(), Error> {
    let sql = format!("insert into done values ({number})");
    if admin {
        pools.with_admin(async |tx| Ok(run(&*tx, &sql).await?)).await
    } else {
        pools.with_customer(actor(), async |tx| Ok(run(&*tx, &sql).await?)).await
    }
}

async fn a_server_that_refuses_to_write_is_unavailable_and_its_connection_is_closed() {
    const PROCESS: &str = "select pg_backend_pid()::text";
    let database = tests::migrated("failover_refuses").await;
    let url = format!("{}&target_session_attrs=read-write", database.url());
    let one = [("DATABASE_POOL_SIZE", "1"), ("DATABASE_MAX_OVERFLOW", "0")];
    let pools = open(&settings(&[one.as_slice(), &[("DATABASE_URL", &url)]].concat())).await;
    // As a proxy's connection to a server that was demoted.
    let refuses = "set transaction read only; create table written ()";
    let tx = pools.admin().await.unwrap();
    let process = texts(&tx, PROCESS).await;
    let error = Error::from(run(&tx, refuses).await.unwrap_err());
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    tx.rollback().await.unwrap();
    let tx = pools.admin().await.unwrap();
    assert_ne!(texts(&tx, PROCESS).await, process);

    // One host without the parameter is as before.
    let plain = open(&settings(&[one.as_slice(), &[("DATABASE_URL", &*database.url())]].concat())).await;
    let tx = plain.admin().await.unwrap();
    let error = Error::from(run(&tx, refuses).await.unwrap_err());
    assert!(matches!(error, Error::Forbidden(_)), "{error:?}");

    for (more, part) in
        [("&target_session_attrs=standby", "read-write"), ("&host=/a,/b", "target_session_attrs")]
    {
        let url = format!("{}{more}", database.url());
        let error = Database::connect(&settings(&[("DATABASE_URL", &url)])).await.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}
