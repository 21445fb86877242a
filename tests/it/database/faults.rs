//! Whatever fails between us and the server is an error of its kind within the configured time, and the next call
//! works once the fault is over.

use crate::database::proxy::{Network, Proxy};
use async_std::os::unix::net::UnixStream;
use database::{Database, Error, SystemActor, Tx};
use entity::id::OrganizationId;
use futures_util::TryStreamExt;
use futures_util::future::{join, join_all};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use sea_orm::prelude::Uuid;
use sea_orm::{ConnectionTrait, DbBackend, Statement, StreamTrait};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::process::Command;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tests::factory::{open, settings};
use tests::login_role::LoginRole;
use tests::on_both_runtimes;
use tests::runtime::{sleep, timeout};
use tests::{connect, migrate, private_server, run};

/// Far beyond the times that are configured here; only what hangs reaches it.
const HANG: Duration = Duration::from_secs(20);

/// A statement that does not end by itself.
pub const SLEEP: &str = "select pg_sleep(600)";

/// A table into which nothing is committed soon.
const SLOW_COMMIT: &str = "
    create table slow (id int);
    grant insert on slow to customer;
    create function slow() returns trigger language plpgsql
        as $$ begin perform pg_sleep(600); return null; end $$;
    create constraint trigger slow after insert on slow deferrable initially deferred
        for each row execute function slow()";

on_both_runtimes! {
    a_connection_killed_in_the_pool_is_replaced_and_without_pre_ping_costs_one_call,
    a_connection_killed_in_a_transaction_is_unavailable_and_nothing_is_committed,
    a_closure_whose_connection_is_killed_is_not_run_again,
    a_server_that_is_down_is_unavailable_until_it_is_back,
    a_server_that_crashes_is_unavailable_and_the_next_call_waits_for_its_recovery,
    a_server_whose_queue_of_connections_is_full_is_waited_for,
    a_socket_that_is_gone_is_unavailable_at_once_and_open_connections_go_on,
    a_port_without_a_listener_is_unavailable,
    a_login_without_a_connection_left_is_unavailable_until_there_is_one,
    a_network_that_is_cut_is_unavailable_until_it_is_back,
    a_silent_network_is_unavailable_in_time_whatever_waits_for_it,
    a_begin_that_was_abandoned_is_not_the_next_transactions,
    a_pool_without_a_free_connection_is_unavailable_and_no_caller_is_left_waiting,
    a_statement_beyond_its_time_is_a_timeout_on_a_connection_of_our_own_or_of_a_pooler,
    a_transaction_that_is_idle_for_too_long_is_ended_with_its_locks,
    an_error_that_a_server_reports_of_itself_has_its_own_kind,
}

// ---- a connection that is killed

async fn a_connection_killed_in_the_pool_is_replaced_and_without_pre_ping_costs_one_call() {
    for pre_ping in ["true", "false"] {
        let database = migrated("killed_idle").await;
        let pools = one_connection(&database.url(), &[("DATABASE_PRE_PING", pre_ping)]).await;
        for scope in SCOPES {
            call(&pools, scope).await.unwrap();
            stale().await;
            kill(&database.url(), "").await;
            if pre_ping == "false" {
                unavailable(call(&pools, scope).await);
            }
            call(&pools, scope).await.unwrap();
        }
    }
}

async fn a_connection_killed_in_a_transaction_is_unavailable_and_nothing_is_committed() {
    let database = migrated("killed_in_use").await;
    let db = connect(&database.url()).await.unwrap();
    run(&db, SLOW_COMMIT).await.unwrap();
    let pools = one_connection(&database.url(), &[]).await;
    killed_at_each_moment(&database.url(), async || soon(pools.admin()).await).await;
    killed_at_each_moment(&database.url(), async || soon(pools.customer(actor())).await).await;
    assert_eq!(number(&pools.admin().await.unwrap(), "select count(*) from slow").await, 0);
}

async fn killed_at_each_moment<S: database::Scope>(url: &str, begin: impl AsyncFn() -> Result<Tx<S>, Error>) {
    let tx = begin().await.unwrap();
    kill(url, "").await;
    unavailable(soon(run(&tx, "select 1")).await);
    unavailable(soon(tx.commit()).await);

    let tx = begin().await.unwrap();
    kill(url, "").await;
    unavailable(soon(tx.rollback()).await);

    let tx = begin().await.unwrap();
    let (statement, ()) = soon(join(run(&tx, SLEEP), kill(url, SLEEP))).await;
    unavailable(statement);
    drop(tx);

    let tx = begin().await.unwrap();
    run(&tx, "insert into slow values (1)").await.unwrap();
    let (commit, ()) = soon(join(tx.commit(), kill(url, "COMMIT"))).await;
    unavailable(commit);
}

async fn a_closure_whose_connection_is_killed_is_not_run_again() {
    let database = migrated("killed_closure").await;
    let pools = one_connection(&database.url(), &[]).await;
    let runs = AtomicU32::new(0);
    let fails = async || {
        runs.fetch_add(1, Ordering::Relaxed);
        kill(&database.url(), "").await;
    };
    let admin = pools.with_admin(async |tx| {
        fails().await;
        Ok(run(&*tx, "select 1").await?)
    });
    unavailable(soon(admin).await);
    let customer = pools.with_customer(actor(), async |_| {
        fails().await;
        Ok(())
    });
    unavailable(soon(customer).await);
    assert_eq!(runs.load(Ordering::Relaxed), 2, "once each, because it is unknown what was done");
    for scope in SCOPES {
        call(&pools, scope).await.unwrap();
    }
}

// ---- a server that goes away

async fn a_server_that_is_down_is_unavailable_until_it_is_back() {
    let Some(server) = private_server::start(false, "the stop of a server") else { return };
    let database = server.create_database("stopped").unwrap();
    migrate(&database.url()).await;
    add_organization(&database.url()).await;
    for pre_ping in ["true", "false"] {
        let more = [("DATABASE_PRE_PING", pre_ping)];
        let pools = pool(&database.url(), "2", &more).await;
        let (open, other) = (pools.admin().await.unwrap(), pools.customer(actor()).await.unwrap());
        server.stop().unwrap();
        unavailable(soon(run(&open, "select 1")).await);
        unavailable(soon(other.commit()).await);
        drop(open);
        for scope in SCOPES {
            unavailable(call(&pools, scope).await);
        }
        unavailable(soon(Database::connect(&one(&database.url(), &more))).await);
        server.start_again().unwrap();
        for scope in SCOPES {
            call(&pools, scope).await.unwrap();
        }

        // No call during the outage this time. The connections are back in the pool.
        stale().await;
        server.stop().unwrap();
        server.start_again().unwrap();
        stale().await;
        if pre_ping == "false" {
            unavailable(call(&pools, SCOPES[0]).await);
            let _ = call(&pools, SCOPES[0]).await;
        }
        for scope in SCOPES {
            call(&pools, scope).await.unwrap();
        }
    }
}

async fn a_server_that_crashes_is_unavailable_and_the_next_call_waits_for_its_recovery() {
    let Some(server) = private_server::start(false, "the crash of a server") else { return };
    let database = server.create_database("crashed").unwrap();
    migrate(&database.url()).await;
    add_organization(&database.url()).await;
    let patient = [("DATABASE_ACQUIRE_TIMEOUT_MS", "15000")];
    let pools = pool(&database.url(), "2", &patient).await;
    let (victim, other) = (pools.admin().await.unwrap(), pools.admin().await.unwrap());
    let pid = number(&victim, "select pg_backend_pid()::bigint").await.to_string();
    let killed = Command::new("kill").args(["-KILL", &pid]).status().unwrap();
    assert!(killed.success());
    unavailable(soon(run(&victim, SLEEP)).await);
    let code = unavailable(soon(run(&other, SLEEP)).await);
    assert!(["", "57P02"].contains(&code.as_str()), "crash of another process: {code}");
    drop((victim, other));
    for scope in SCOPES {
        call(&pools, scope).await.unwrap();
    }
}

async fn a_server_whose_queue_of_connections_is_full_is_waited_for() {
    let few = [("max_connections", "10")];
    let Some(server) = private_server::start_with(false, &few, "a full queue of connections") else { return };
    let database = server.create_database("queue").unwrap();
    migrate(&database.url()).await;
    add_organization(&database.url()).await;
    let socket = server.socket_dir().unwrap().join(format!(".s.PGSQL.{}", server.port()));
    for scope in SCOPES {
        let pools = pool(&database.url(), "1", &[("DATABASE_ACQUIRE_TIMEOUT_MS", "15000")]).await;
        let tx = pools.admin().await.unwrap();
        let pid = number(&tx, "select split_part(pg_read_file('postmaster.pid'), chr(10), 1)::bigint").await;
        // Its connection is closed, so that the call needs a new one.
        unavailable(run(&tx, "select pg_terminate_backend(pg_backend_pid())").await);
        drop(tx);
        let paused = Paused::new(pid);
        let mut queue = Vec::new();
        let fill = async {
            loop {
                match UnixStream::connect(&socket).await {
                    Ok(waiting) => queue.push(waiting),
                    Err(error) => break error.kind(),
                }
            }
        };
        let refused = soon(fill).await;
        assert!(matches!(refused, ErrorKind::NotConnected | ErrorKind::ConnectionRefused), "{refused}");
        let resume = async {
            sleep(Duration::from_millis(300)).await;
            drop((queue, paused));
        };
        let (called, ()) = join(call(&pools, scope), resume).await;
        called.unwrap();
    }
}

async fn a_socket_that_is_gone_is_unavailable_at_once_and_open_connections_go_on() {
    let Some(server) = private_server::start(false, "the loss of a socket") else { return };
    let database = server.create_database("socket").unwrap();
    migrate(&database.url()).await;
    add_organization(&database.url()).await;
    let pools = pool(&database.url(), "2", &[("DATABASE_ACQUIRE_TIMEOUT_MS", "3600000")]).await;
    let (open, other) = (pools.admin().await.unwrap(), pools.admin().await.unwrap());
    let pid = number(&other, "select pg_backend_pid()::bigint").await;
    run(&open, &format!("select pg_terminate_backend({pid})")).await.unwrap();
    drop(other);
    let socket = server.socket_dir().unwrap().join(format!(".s.PGSQL.{}", server.port()));
    let away = socket.with_extension("away");
    fs::rename(&socket, &away).unwrap();
    for scope in SCOPES {
        unavailable(call(&pools, scope).await);
    }
    run(&open, "select 1").await.unwrap();
    fs::rename(&away, &socket).unwrap();
    for scope in SCOPES {
        call(&pools, scope).await.unwrap();
    }
    open.commit().await.unwrap();
}

async fn a_port_without_a_listener_is_unavailable() {
    let nowhere = "postgres://owner:s3cret@127.0.0.1:1/nothing";
    unavailable(soon(Database::connect(&one(nowhere, &[]))).await);
}

async fn a_login_without_a_connection_left_is_unavailable_until_there_is_one() {
    let guest = LoginRole::new(migrated("connection_limit").await, "connection limit 1").await;
    guest.administer(&format!("grant customer to {}", guest.name)).await;
    let both = [("DATABASE_URL", &*guest.admin_url()), ("CUSTOMER_DATABASE_URL", &*guest.url())];
    let first = one_connection(&guest.admin_url(), &both).await;
    unavailable(soon(Database::connect(&one(&guest.admin_url(), &both))).await);
    first.close().await.unwrap();
    // The server counts a connection until its process has ended, and a client does not wait for that.
    let again = async {
        loop {
            match Database::connect(&one(&guest.admin_url(), &both)).await {
                Ok(pools) => break pools,
                refused => unavailable(refused),
            };
        }
    };
    let second = soon(again).await;
    call(&second, Scope::Customer).await.unwrap();
}

// ---- a network that goes away

async fn a_network_that_is_cut_is_unavailable_until_it_is_back() {
    let database = migrated("cut").await;
    let proxy = Proxy::to(&database.url());
    let pools = one_connection(&proxy.url, &[]).await;
    for scope in SCOPES {
        let tx = pools.admin().await.unwrap();
        let cut = async {
            running(&database.url(), SLEEP).await;
            proxy.is(Network::Cut);
        };
        let (statement, ()) = soon(join(run(&tx, SLEEP), cut)).await;
        unavailable(statement);
        unavailable(soon(tx.commit()).await);
        unavailable(call(&pools, scope).await);
        proxy.is(Network::Intact);
        call(&pools, scope).await.unwrap();
        proxy.is(Network::Cut);
        proxy.is(Network::Intact);
        stale().await;
        call(&pools, scope).await.unwrap();
    }
}

async fn a_silent_network_is_unavailable_in_time_whatever_waits_for_it() {
    let database = migrated("silent").await;
    let url = &database.url();
    // All at once, because each waits for its time.
    join_all(MOMENTS.map(|moment| async move {
        for pre_ping in ["true", "false"] {
            let proxy = Proxy::to(url);
            // Enough that a busy machine exceeds neither.
            let hasty = [
                ("DATABASE_PRE_PING", pre_ping),
                ("DATABASE_STATEMENT_TIMEOUT_MS", "1500"),
                ("DATABASE_ACQUIRE_TIMEOUT_MS", "3000"),
            ];
            let pools = one_connection(&proxy.url, &hasty).await;
            silent(&proxy, moment, async || soon(pools.admin()).await).await;
            silent(&proxy, moment, async || soon(pools.customer(actor())).await).await;
            proxy.is(Network::Silent);
            unavailable(soon(Database::connect(&one(&proxy.url, &hasty))).await);
        }
    }))
    .await;
}

/// What is under way when the network falls silent.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Begin,
    Statement,
    Rows,
    Commit,
    Rollback,
}

const MOMENTS: [Moment; 5] =
    [Moment::Begin, Moment::Statement, Moment::Rows, Moment::Commit, Moment::Rollback];

async fn silent<S: database::Scope>(
    proxy: &Proxy,
    moment: Moment,
    begin: impl AsyncFn() -> Result<Tx<S>, Error>,
) {
    let tx = begun(&begin).await;
    let silence = || proxy.is(Network::Silent);
    match moment {
        Moment::Begin => {
            tx.commit().await.unwrap();
            // Back in the pool, whose own ping on the way has no time limit.
            stale().await;
            silence();
            unavailable(begin().await);
        }
        Moment::Statement => {
            silence();
            unavailable(soon(run(&tx, "select 1")).await);
            drop(tx);
        }
        Moment::Rows => {
            // More than arrives with the first one.
            let sql = "select repeat('x', 100000) from generate_series(1, 100)";
            let rows = tx.stream_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
            let mut rows = rows.unwrap();
            rows.try_next().await.unwrap();
            silence();
            unavailable(soon(rows.try_collect::<Vec<_>>()).await);
            drop(tx);
        }
        Moment::Commit => {
            silence();
            unavailable(soon(tx.commit()).await);
        }
        Moment::Rollback => {
            silence();
            unavailable(soon(tx.rollback()).await);
        }
    }
    // The connection stays silent for ever, and its place in the pool is free nevertheless.
    proxy.is(Network::Forgetful);
    begun(&begin).await.commit().await.unwrap();
    proxy.is(Network::Intact);
}

/// Begins a transaction. On a busy machine the first attempt may exceed the time that the settings allow.
async fn begun<S: database::Scope>(begin: &impl AsyncFn() -> Result<Tx<S>, Error>) -> Tx<S> {
    soon(async {
        loop {
            match begin().await {
                Ok(tx) => break tx,
                error => unavailable(error),
            };
        }
    })
    .await
}

async fn a_begin_that_was_abandoned_is_not_the_next_transactions() {
    let database = migrated("late_begin").await;
    let proxy = Proxy::to(&database.url());
    let patient = [("DATABASE_PRE_PING", "false"), ("DATABASE_ACQUIRE_TIMEOUT_MS", "4000")];
    let pools = one_connection(&proxy.url, &patient).await;
    let db = connect(&database.url()).await.unwrap();
    call(&pools, Scope::Admin).await.unwrap();
    // Until it is back in the pool.
    sleep(Duration::from_millis(500)).await;
    proxy.is(Network::Silent);
    unavailable(soon(pools.admin()).await);
    // It had begun on the server, where it ends with its connection.
    let begun = format!("select count(*) {POOLS} and state = 'idle in transaction'");
    soon(async {
        while number(&db, &begun).await > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let microseconds = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint";
    let later = number(&db, microseconds).await;
    proxy.is(Network::Intact);
    let tx = soon(pools.admin()).await.unwrap();
    let begun = number(&tx, &microseconds.replace("clock_timestamp", "now")).await;
    assert!(begun > later, "it began {} ms too early", (later - begun) / 1_000);
}

// ---- limits

async fn a_pool_without_a_free_connection_is_unavailable_and_no_caller_is_left_waiting() {
    let gauges = Gauges::default();
    let _recorded = metrics::set_default_local_recorder(&gauges);
    let database = migrated("exhausted").await;
    let pools = one_connection(&database.url(), &[]).await;
    let held = pools.admin().await.unwrap();
    for scope in SCOPES {
        let (first, second) = join(call(&pools, scope), call(&pools, scope)).await;
        unavailable(first);
        unavailable(second);
    }
    let waits = async {
        sleep(Duration::from_millis(100)).await;
        assert_eq!(gauges.waiting(), 1);
    };
    let (call, ()) = join(pools.admin(), waits).await;
    unavailable(call);
    let cancelled = timeout(Duration::from_millis(100), pools.admin()).await;
    assert!(cancelled.is_err());
    assert_eq!(gauges.waiting(), 0);
    drop(held);
    for scope in SCOPES {
        self::call(&pools, scope).await.unwrap();
    }
    assert_eq!(gauges.waiting(), 0);
}

async fn a_statement_beyond_its_time_is_a_timeout_on_a_connection_of_our_own_or_of_a_pooler() {
    for statement_cache in ["100", "0"] {
        let database = migrated("slow").await;
        let db = connect(&database.url()).await.unwrap();
        run(&db, SLOW_COMMIT).await.unwrap();
        let settings =
            [("DATABASE_STATEMENT_TIMEOUT_MS", "1000"), ("DATABASE_STATEMENT_CACHE", statement_cache)];
        let pools = one_connection(&database.url(), &settings).await;
        // A pooler may give the connection to another program, which must not find our limit.
        let left = if statement_cache == "0" { 0 } else { 1000 };
        timeout_at_each_moment(async || soon(pools.admin()).await, left).await;
        timeout_at_each_moment(async || soon(pools.customer(actor())).await, left).await;
        let tx = pools.admin().await.unwrap();
        assert_eq!(number(&tx, "select count(*) from slow").await, 0);
    }
}

async fn timeout_at_each_moment<S: database::Scope>(
    begin: impl AsyncFn() -> Result<Tx<S>, Error>,
    left: i64,
) {
    const CONNECTION: &str = "select pg_backend_pid()::bigint";
    const LIMIT: &str = "select setting::bigint from pg_settings where name = 'statement_timeout'";
    let tx = begin().await.unwrap();
    let connection = number(&tx, CONNECTION).await;
    let error = soon(run(&tx, SLEEP)).await.unwrap_err();
    assert_eq!(Error::from(error), Error::Timeout);
    tx.rollback().await.unwrap();

    let tx = begin().await.unwrap();
    assert_eq!(number(&tx, CONNECTION).await, connection, "the same connection goes on");
    run(&tx, "insert into slow values (1)").await.unwrap();
    // PostgreSQL does not time what is left to do at the end.
    unavailable(soon(tx.commit()).await);

    let tx = begin().await.unwrap();
    assert_ne!(number(&tx, CONNECTION).await, connection, "who knows what that one does");
    run(&tx, "rollback").await.unwrap();
    assert_eq!(number(&tx, LIMIT).await, left, "after the transaction");
    run(&tx, "set statement_timeout = 0").await.unwrap();
    drop(tx);
    let tx = begin().await.unwrap();
    assert_eq!(number(&tx, LIMIT).await, 1000, "whatever the transaction before has set");
    tx.rollback().await.unwrap();
}

async fn a_transaction_that_is_idle_for_too_long_is_ended_with_its_locks() {
    let database = migrated("idle").await;
    let idle = [("DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS", "1000")];
    let db = connect(&database.url()).await.unwrap();
    let ended = async || {
        let idle = format!("select count(*) {POOLS} and state = 'idle in transaction'");
        while number(&db, &idle).await > 0 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let pools = one_connection(&database.url(), &idle).await;
    let lock = "update organizations set name = name";
    let admin = pools.admin().await.unwrap();
    run(&admin, lock).await.unwrap();
    soon(ended()).await;
    unavailable(soon(run(&admin, "select 1")).await);
    unavailable(soon(admin.commit()).await);
    let customer = soon(pools.customer(actor())).await.unwrap();
    soon(run(&customer, lock)).await.unwrap();
    soon(ended()).await;
    unavailable(soon(customer.commit()).await);
    for scope in SCOPES {
        call(&pools, scope).await.unwrap();
    }
}

async fn an_error_that_a_server_reports_of_itself_has_its_own_kind() {
    let database = migrated("sqlstates").await;
    let pools = one_connection(&database.url(), &[]).await;
    for (code, kind) in [
        ("08006", "Unavailable"),
        ("40001", "Retry"),
        ("40P01", "Retry"),
        ("53300", "Unavailable"),
        ("57014", "Timeout"),
        ("57P01", "Unavailable"),
        ("57P02", "Unavailable"),
        ("57P03", "Unavailable"),
        ("57P05", "Unavailable"),
        ("XX000", "Database"),
    ] {
        let tx = pools.admin().await.unwrap();
        let error = run(&tx, &format!("do $$ begin raise 'said' using errcode = '{code}'; end $$")).await;
        let error = Error::from(error.unwrap_err());
        assert!(format!("{error:?}").starts_with(kind), "{code}: {error:?}");
    }
}

// ---- what they share

/// Both kinds of transactions.
pub const SCOPES: [Scope; 2] = [Scope::Admin, Scope::Customer];

#[derive(Clone, Copy, Debug)]
pub enum Scope {
    Admin,
    Customer,
}

/// A transaction that does the least.
pub async fn call(pools: &Database, scope: Scope) -> Result<(), Error> {
    soon(async {
        match scope {
            Scope::Admin => pools.with_admin(async |tx| Ok(run(&*tx, "select 1").await?)).await,
            Scope::Customer => {
                pools.with_customer(actor(), async |tx| Ok(run(&*tx, "select 1").await?)).await
            }
        }
    })
    .await
}

pub fn soon<T>(call: impl Future<Output = T>) -> impl Future<Output = T> {
    let call = Box::pin(call);
    async { timeout(HANG, call).await.expect("it hangs") }
}

/// Asserts the kind of an error, and that it contains no secret; returns the server's code, if it was the server's.
#[track_caller]
pub fn unavailable<T>(result: Result<T, impl Into<Error>>) -> String {
    let Err(error) = result.map_err(Into::into) else { panic!("it works") };
    let text = format!("{error} {error:?}");
    assert!(!text.contains("s3cret") && !text.contains("postgres://"), "{text}");
    match error {
        Error::Unavailable(fault) => fault.code,
        other => panic!("{other:?}"),
    }
}

/// A process that does not run until this is dropped.
struct Paused(String);

impl Paused {
    fn new(pid: i64) -> Self {
        let paused = Self(pid.to_string());
        paused.signal("-STOP");
        paused
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.0]).status();
        assert!(sent.unwrap().success(), "{signal}");
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        self.signal("-CONT");
    }
}

/// A program that acts for the organization of [`migrated`].
pub fn actor() -> SystemActor {
    SystemActor { organization: OrganizationId::from_uuid(Uuid::nil()) }
}

/// A migrated database with an organization.
pub async fn migrated(name: &str) -> scratch::Database {
    let database = tests::migrated(name).await;
    add_organization(&database.url()).await;
    database
}

pub async fn add_organization(url: &str) {
    let db = connect(url).await.unwrap();
    // A crash of the server must not lose it.
    run(&db, "set synchronous_commit = on").await.unwrap();
    let sql =
        format!("insert into organizations (id, name, slug) values ('{}', 'Acme', 'acme')", Uuid::nil());
    run(&db, &sql).await.unwrap();
    db.close().await.unwrap();
}

/// The settings of a pool of one connection, for which a call waits two seconds.
fn one(url: &str, more: &[(&str, &str)]) -> database::Settings {
    small(url, "1", more)
}

fn small(url: &str, size: &str, more: &[(&str, &str)]) -> database::Settings {
    let defaults = [
        ("DATABASE_URL", url),
        ("DATABASE_APPLICATION_NAME", "faulty"),
        ("DATABASE_POOL_SIZE", size),
        ("DATABASE_MAX_OVERFLOW", "0"),
        ("DATABASE_ACQUIRE_TIMEOUT_MS", "2000"),
    ];
    settings(&[more, &defaults].concat())
}

async fn pool(url: &str, size: &str, more: &[(&str, &str)]) -> Database {
    open(&small(url, size, more)).await
}

async fn one_connection(url: &str, more: &[(&str, &str)]) -> Database {
    pool(url, "1", more).await
}

/// Ends the connections of the pools on this database, as soon as they run `statement`.
async fn kill(url: &str, statement: &str) {
    running(url, statement).await;
    let db = connect(url).await.unwrap();
    number(&db, &format!("select count(pg_terminate_backend(pid)) {POOLS}")).await;
    while number(&db, &format!("select count(*) {POOLS}")).await > 0 {
        sleep(Duration::from_millis(5)).await;
    }
    db.close().await.unwrap();
}

/// Waits until every connection is back in its pool, and is checked before it is used again.
async fn stale() {
    sleep(Duration::from_millis(1500)).await;
}

/// Waits until the pools run `statement`; empty: any, or none.
async fn running(url: &str, statement: &str) {
    let db = connect(url).await.unwrap();
    let sql = format!(
        "select count(*) {POOLS} and (query = '{statement}' and state = 'active' or '{statement}' = '')"
    );
    while number(&db, &sql).await == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    db.close().await.unwrap();
}

const POOLS: &str =
    "from pg_stat_activity where application_name = 'faulty' and datname = current_database()";

pub async fn number(db: &impl ConnectionTrait, sql: &str) -> i64 {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

/// Keeps the gauges that are set by this thread.
#[derive(Default)]
struct Gauges(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl Gauges {
    /// How many tasks wait for a connection.
    fn waiting(&self) -> u64 {
        let gauges = self.0.lock().unwrap();
        let bits = gauges["database_pool_waiting"].load(Ordering::Relaxed);
        format!("{}", f64::from_bits(bits)).parse().unwrap()
    }
}

impl Recorder for Gauges {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        let mut gauges = self.0.lock().unwrap();
        Gauge::from_arc(Arc::clone(gauges.entry(key.name().to_owned()).or_default()))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
