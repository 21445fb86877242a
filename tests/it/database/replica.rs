//! Reads on replicas: the same isolation, one's own writes, and a replica that is gone, behind or promoted.

use database::{Actor, Database, Error, Position};
use futures_util::future::join_all;
use metrics_util::debugging::DebuggingRecorder;
use migration::keys::Change;
use scratch::Server;
use sea_orm::prelude::Uuid;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tests::factory::{T, open, settings};
use tests::login_role::LoginRole;
use tests::runtime::{sleep, spawn, timeout};
use tests::{SECRET, connect, migrate, on_both_runtimes, private_server, run, session, texts};
use url::Url;

/// What [`Database`] states: a replica is examined every second, and one that is left out every five.
const EXAMINED: Duration = Duration::from_secs(1);
const LEFT_OUT: Duration = Duration::from_secs(5);

/// Whether the transaction is on a replica.
const ON_REPLICA: &str = "select pg_is_in_recovery()::text";

on_both_runtimes! {
    a_read_on_a_replica_sees_one_organization_and_writes_nothing,
    a_replica_that_is_behind_or_gone_is_left_out_until_it_is_back_and_a_promoted_one_for_good,
}

/// A server with a replica, a migrated database, and a login of customers.
struct Pair {
    guest: LoginRole,
    replica: Server,
    primary: Server,
}

impl Pair {
    async fn start(name: &str, settings: &[(&str, &str)]) -> Option<Self> {
        let primary = private_server::start_with(false, &[("synchronous_commit", "on")], "replicas")?;
        let database = primary.create_database(name).unwrap();
        migrate(&database.url()).await;
        let guest = LoginRole::new(database, "in role customer").await;
        let replica = primary.start_replica(settings).unwrap();
        Some(Self { guest, replica, primary })
    }

    /// The URL of the login of customers on the replica.
    fn replica_url(&self) -> String {
        let mut url = Url::parse(&self.replica.url(self.name())).unwrap();
        url.set_username(&self.guest.name).unwrap();
        url.set_password(Some(SECRET)).unwrap();
        url.into()
    }

    fn name(&self) -> &str {
        self.guest.name.strip_prefix("login_of_").unwrap()
    }

    fn settings(&self, replica: &str, more: &[(&str, &str)]) -> database::Settings {
        let (owner, customer) = (self.guest.admin_url(), self.guest.url());
        let urls = [
            ("DATABASE_URL", &*owner),
            ("CUSTOMER_DATABASE_URL", &*customer),
            ("REPLICA_DATABASE_URL", replica),
        ];
        settings(&[more, &urls].concat())
    }

    async fn open(&self, more: &[(&str, &str)]) -> Database {
        open(&self.settings(&self.replica_url(), more)).await
    }

    /// Waits until the replica has replayed what is committed.
    async fn caught_up(&self, database: &Database) {
        let position = database.position().await.unwrap();
        let db = connect(&self.replica.url("postgres")).await.unwrap();
        let reached = format!("select (pg_last_wal_replay_lsn() >= '{position}')::text");
        soon(async {
            while texts(&db, &reached).await != ["true"] {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        db.close().await.unwrap();
    }
}

fn soon<T>(call: impl Future<Output = T>) -> impl Future<Output = T> {
    let call = timeout(Duration::from_secs(30), call);
    async { call.await.expect("it hangs") }
}

/// Begins a read, and returns whether a replica serves it.
async fn on_replica(database: &Database, actor: Actor) -> bool {
    let tx = database.read(actor).await.unwrap();
    let answer = texts(&tx, ON_REPLICA).await.concat() == "true";
    tx.commit().await.unwrap();
    answer
}

/// Reads until a replica serves, or does not serve, and returns how long that took.
async fn until(database: &Database, actor: Actor, served: bool) -> Duration {
    let started = Instant::now();
    soon(async {
        while on_replica(database, actor).await != served {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    started.elapsed()
}

async fn a_read_on_a_replica_sees_one_organization_and_writes_nothing() {
    let Some(pair) = Pair::start("replica_isolation", &[]).await else { return };
    let key = format!("{}:{}", Uuid::now_v7(), "5e".repeat(32));
    for signed in [false, true] {
        if signed {
            let change = Change::Add(key.parse().unwrap());
            let added = tests::runtime::on_tokio(async {
                session(&pair.guest.admin_url()).change_keys(&change).await
            });
            added.await.unwrap();
        }
        let variable = if signed { &*key } else { "" };
        // A connection of our own, and one that a pooler shares.
        for statements in ["100", "0"] {
            let one = [("DATABASE_POOL_SIZE", "1"), ("DATABASE_MAX_OVERFLOW", "0")];
            let more = [("CONTEXT_SIGNING_KEY", variable), ("DATABASE_STATEMENT_CACHE", statements)];
            let ours = T::on(pair.open(&[one, more].concat()).await).await;
            let theirs = ours.neighbour().await;
            let own = ours.factory.campaign(&ours.organization).await;
            let foreign = theirs.factory.campaign(&theirs.organization).await;
            pair.caught_up(&ours.database).await;
            for (actor, seen) in [(ours.actor, &own), (theirs.actor, &foreign), (ours.actor, &own)] {
                let tx = ours.database.read(actor).await.unwrap();
                assert_eq!(texts(&tx, ON_REPLICA).await, ["true"]);
                assert_eq!(texts(&tx, "select name from campaigns").await, [&*seen.name]);
                assert_eq!(database::campaigns::find(&tx, seen.id).await.unwrap().unwrap().id, seen.id);
                let hidden = if seen.id == own.id { foreign.id } else { own.id };
                assert_eq!(database::campaigns::find(&tx, hidden).await.unwrap(), None);
                // Whatever it leaves is not the next one's: a setting, a role, a failed transaction.
                run(&tx, "set app.organization_id = 'x'; reset role").await.unwrap();
                let error = Error::from(run(&tx, "delete from campaigns").await.unwrap_err());
                assert!(matches!(&error, Error::Forbidden(_)), "{error:?}");
                drop(tx);
            }
            let tx = ours.database.read(ours.actor).await.unwrap();
            let renamed = "update campaigns set name = 'written'";
            match Error::from(run(&tx, renamed).await.unwrap_err()) {
                Error::Forbidden(fault) => assert_eq!(fault.code, "25006"),
                error => panic!("{error:?}"),
            }
            tx.rollback().await.unwrap();
            let stranger = Actor { organization: theirs.organization.id, user: ours.user.id };
            let error = ours.database.read(stranger).await.unwrap_err();
            assert_eq!(error, Error::Actor(database::ActorError::NotAMember));
            ours.database.clone().close().await.unwrap();
        }
    }
}

#[test]
fn of_a_thousand_reads_after_a_write_none_is_stale_on_a_replica_that_is_a_second_behind() {
    tests::runtime::tokio(Box::pin(read_your_writes()));
}

async fn read_your_writes() {
    const TASKS: u32 = 50;
    const WRITES: u32 = 20;
    let Some(pair) = Pair::start("replica_writes", &[("recovery_min_apply_delay", "1s")]).await else {
        return;
    };
    let enough = [("DATABASE_POOL_SIZE", "40"), ("DATABASE_ACQUIRE_TIMEOUT_MS", "60000")];
    // The replica has the database and its login only then; before, it would be left out for five seconds.
    sleep(Duration::from_millis(1500)).await;
    // Half of the reads wait for the replica, and half soon leave it for the primary.
    let mut pools = Vec::new();
    let mut created = Instant::now();
    for wait in ["5000", "20"] {
        let database = pair.open(&[enough.as_slice(), &[("REPLICA_WAIT_MS", wait)]].concat()).await;
        created = Instant::now();
        pools.push(T::on(database).await);
    }
    // The replica does not know the actor yet, and the primary does.
    let is_served = on_replica(&pools[1].database, pools[1].actor).await;
    assert!(!is_served || created.elapsed() > Duration::from_secs(1));
    for t in &pools {
        until(&t.database, t.actor, true).await;
        // Connections for all tasks: a replica that opens none in time would be left out.
        let reads = join_all((0..TASKS / 2).map(|_| t.database.read(t.actor))).await;
        drop(reads);
        until(&t.database, t.actor, true).await;
    }
    let counts: Arc<[AtomicU32; 3]> = Arc::default();
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let t = &pools[usize::try_from(task % 2).unwrap()];
        let campaign = t.factory.campaign(&t.organization).await.id;
        let (database, actor, counts) = (t.database.clone(), t.actor, Arc::clone(&counts));
        tasks.push(spawn(async move {
            for number in 0..WRITES {
                let tx = database.customer(actor).await.unwrap();
                let id = campaign.as_uuid();
                let write = format!("update campaigns set description = '{number}' where id = '{id}'");
                run(&tx, &write).await.unwrap();
                let position = if number % 2 == 0 {
                    tx.commit_at().await.unwrap()
                } else {
                    tx.commit().await.unwrap();
                    database.position().await.unwrap()
                };
                // As in a cookie.
                let position: Position = position.to_string().parse().unwrap();
                let sql = format!(
                    "select concat(description, ' ', pg_is_in_recovery()) from campaigns where id = '{id}'"
                );
                let tx = database.read_after(actor, position).await.unwrap();
                let found = texts(&tx, &sql).await.concat();
                tx.commit().await.unwrap();
                let place = if found == format!("{number} t") {
                    0
                } else {
                    assert_eq!(found, format!("{number} f"), "a stale read");
                    1
                };
                counts[place].fetch_add(1, Ordering::Relaxed);
                if number == WRITES - 1 {
                    // Without a position it is stale: the replica is a second behind.
                    let tx = database.customer(actor).await.unwrap();
                    run(&tx, &write.replace(&format!("'{number}'"), "'last'")).await.unwrap();
                    tx.commit().await.unwrap();
                    let tx = database.read(actor).await.unwrap();
                    let is_stale = !texts(&tx, &sql).await.concat().starts_with("last");
                    counts[2].fetch_add(u32::from(is_stale), Ordering::Relaxed);
                }
            }
        }));
    }
    for task in tasks {
        task.await;
    }
    let [replica, primary, stale] = [0, 1, 2].map(|place| counts[place].load(Ordering::Relaxed));
    println!(
        "{replica} reads on the replica, {primary} on the primary; without a position {stale} of {TASKS} are stale"
    );
    assert_eq!(replica + primary, TASKS * WRITES);
    assert!(replica >= TASKS && primary >= TASKS, "{replica} and {primary}");
    assert!(stale > TASKS / 2, "{stale}: the replica is not behind, so nothing was tested");
}

async fn a_replica_that_is_behind_or_gone_is_left_out_until_it_is_back_and_a_promoted_one_for_good() {
    let Some(pair) = Pair::start("replica_health", &[]).await else { return };
    let t = T::on(pair.open(&[("REPLICA_MAX_LAG_MS", "300")]).await).await;
    pair.caught_up(&t.database).await;
    let margin = Duration::from_secs(3);
    until(&t.database, t.actor, true).await;

    // An idle primary is no lag.
    sleep(EXAMINED * 2).await;
    assert!(on_replica(&t.database, t.actor).await);

    let db = connect(&pair.replica.url("postgres")).await.unwrap();
    run(&db, "select pg_wal_replay_pause()").await.unwrap();
    t.factory.campaign(&t.organization).await;
    let took = until(&t.database, t.actor, false).await;
    assert!(took < EXAMINED + margin, "behind: {took:?}");
    // A position that it has not replayed is read on the primary at once.
    let tx = t.database.read_after(t.actor, t.database.position().await.unwrap()).await.unwrap();
    assert_eq!(texts(&tx, ON_REPLICA).await, ["false"]);
    tx.rollback().await.unwrap();
    run(&db, "select pg_wal_replay_resume()").await.unwrap();
    db.close().await.unwrap();
    let took = until(&t.database, t.actor, true).await;
    assert!(took < LEFT_OUT + EXAMINED + margin, "back: {took:?}");

    pair.replica.stop_at_once().unwrap();
    // The first read may have begun on a connection that ends; the others do not notice.
    let _ = t.database.read(t.actor).await;
    assert!(!on_replica(&t.database, t.actor).await);
    pair.replica.start_again().unwrap();
    let took = until(&t.database, t.actor, true).await;
    assert!(took < LEFT_OUT + EXAMINED + margin, "again: {took:?}");

    pair.replica.promote().unwrap();
    sleep(EXAMINED * 2).await;
    t.factory.campaign(&t.organization).await;
    for _ in 0..20 {
        let tx = t.database.read(t.actor).await.unwrap();
        assert_eq!(
            texts(&tx, "select count(*)::text from campaigns").await,
            ["2"],
            "it reads the promoted one"
        );
        tx.commit().await.unwrap();
    }
    assert!(pair.primary.socket_dir().is_some());
}

#[tokio::test]
async fn what_is_no_replica_of_the_database_is_refused_or_left_out_at_the_start() {
    let recorder = DebuggingRecorder::new();
    let figures = recorder.snapshotter();
    let recording = metrics::set_default_local_recorder(&recorder);
    let Some(pair) = Pair::start("replica_start", &[]).await else { return };
    let nowhere = format!("postgres://{}@127.0.0.1:1/{}", pair.guest.name, pair.name());
    // The primary itself, and a server that does not respond.
    for url in [&pair.guest.url(), &nowhere] {
        let t = T::on(open(&pair.settings(url, &[])).await).await;
        assert!(!on_replica(&t.database, t.actor).await, "{url}");
        let tx = t.database.read(t.actor).await.unwrap();
        let error = Error::from(run(&tx, "delete from exclusion_list_entries").await.unwrap_err());
        assert!(matches!(error, Error::Forbidden(_)), "the primary writes: {error:?}");
    }
    let refused = async |url: &str| match Database::connect(&pair.settings(url, &[])).await {
        Err(Error::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    };
    let owner = pair.replica.url(pair.name());
    assert!(refused(&owner).await.contains("REPLICA_DATABASE_URL is a superuser"));
    run(&connect(&pair.guest.admin_url()).await.unwrap(), "create database other").await.unwrap();
    let other = Url::parse(&pair.replica_url()).map(|mut url| {
        url.set_path("other");
        String::from(url)
    });
    let replica = connect(&pair.replica.url("postgres")).await.unwrap();
    soon(async {
        while texts(&replica, "select datname::text from pg_database where datname = 'other'")
            .await
            .is_empty()
        {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let reason = refused(&other.unwrap()).await;
    assert!(reason.contains("is not a replica of the database"), "{reason}");
    for target in ["read-write", "primary"] {
        let url = format!("{}&target_session_attrs={target}", pair.replica_url());
        let error = Database::connect(&pair.settings(&url, &[])).await.unwrap_err().to_string();
        assert!(error.starts_with("REPLICA_DATABASE_URL is not a URL of standbys"), "{error}");
    }
    let t = T::on(pair.open(&[]).await).await;
    pair.caught_up(&t.database).await;
    assert!(on_replica(&t.database, t.actor).await);
    drop(recording);
    let measured: BTreeSet<String> = figures
        .snapshot()
        .into_vec()
        .into_iter()
        .map(|(key, ..)| key.key().clone())
        .filter(|key| key.name().contains("_replica_") || key.name().contains("_reads_"))
        .flat_map(|key| {
            let labels: Vec<_> =
                key.labels().map(|label| format!("{} {}", key.name(), label.key())).collect();
            labels
        })
        .collect();
    let documented = [
        "database_reads_total target",
        "database_replica_checks_total replica",
        "database_replica_checks_total state",
        "database_replica_lag_seconds replica",
    ];
    assert_eq!(measured, BTreeSet::from(documented.map(ToOwned::to_owned)));
}
