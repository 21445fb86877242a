//! Behind PgBouncer in transaction mode, without and with prepared statements: faults, and statements of other clients.

use crate::database::faults::{
    SCOPES, SLEEP, actor, add_organization, call, migrated, number, soon, unavailable,
};
use database::{Database, Error};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection, Row};
use std::time::Duration;
use tests::factory::{open, settings};
use tests::login_role::LoginRole;
use tests::pgbouncer::{Mode, PgBouncer};
use tests::{chain, connect, migrate, private_server, run};
use tokio::time::sleep;

/// A table into which a customer writes.
const WRITTEN: &str = "create table written (id int); grant insert, select on written to customer";

/// The process of the server.
const SERVER: &str = "select pg_backend_pid()::bigint";

// ---- faults

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_killed_in_a_transaction_is_unavailable_until_it_is_back_and_nothing_is_committed() {
    for mode in Mode::ALL {
        let database = migrated("pooler_killed").await;
        let direct = connect(&database.url()).await.unwrap();
        run(&direct, WRITTEN).await.unwrap();
        let Some(mut pgbouncer) = PgBouncer::start(&[database.url()], 2, mode).await else { continue };
        let pools = pools(&pgbouncer.urls[0], mode, &[]).await;
        let (admin, customer) = (pools.admin().await.unwrap(), pools.customer(actor()).await.unwrap());
        run(&admin, "insert into written values (1)").await.unwrap();
        run(&customer, "insert into written values (2)").await.unwrap();
        pgbouncer.kill();
        unavailable(soon(run(&admin, "select 1")).await);
        unavailable(soon(admin.commit()).await);
        unavailable(soon(customer.commit()).await);
        for scope in SCOPES {
            unavailable(call(&pools, scope).await);
        }
        pgbouncer.start_again().await;
        for scope in SCOPES {
            call(&pools, scope).await.unwrap();
        }
        assert_eq!(number(&direct, "select count(*) from written").await, 0, "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_behind_the_pooler_is_unavailable_until_it_is_back() {
    let Some(server) = private_server::start(false, "the restart of a server behind PgBouncer") else {
        return;
    };
    let database = server.create_database("pooler_restart").unwrap();
    migrate(&database.url()).await;
    add_organization(&database.url()).await;
    for mode in Mode::ALL {
        let Some(pgbouncer) = PgBouncer::start(&[database.url()], 2, mode).await else { continue };
        let pools = pools(&pgbouncer.urls[0], mode, &[]).await;
        let tx = pools.customer(actor()).await.unwrap();
        server.stop().unwrap();
        unavailable(soon(run(&tx, "select 1")).await);
        drop(tx);
        for scope in SCOPES {
            unavailable(call(&pools, scope).await);
        }
        server.start_again().unwrap();
        // Until the pooler tries to connect again, server_login_retry.
        soon(async {
            while let Err(error) = call(&pools, SCOPES[0]).await {
                unavailable::<()>(Err(error));
                sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        for scope in SCOPES {
            call(&pools, scope).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_to_the_server_killed_in_a_transaction_is_unavailable_and_the_next_one_works() {
    for mode in Mode::ALL {
        let database = migrated("pooler_server").await;
        let direct = connect(&database.url()).await.unwrap();
        run(&direct, WRITTEN).await.unwrap();
        let Some(pgbouncer) = PgBouncer::start(&[database.url()], 1, mode).await else { continue };
        let pools = pools(&pgbouncer.urls[0], mode, &[]).await;
        for _ in 0..2 {
            let tx = pools.customer(actor()).await.unwrap();
            run(&tx, "insert into written values (1)").await.unwrap();
            let server = number(&tx, SERVER).await;
            run(&direct, &format!("select pg_terminate_backend({server}, 5000)")).await.unwrap();
            unavailable(soon(tx.commit()).await);
            for scope in SCOPES {
                call(&pools, scope).await.unwrap();
            }
        }
        assert_eq!(number(&direct, "select count(*) from written").await, 0, "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_client_after_a_timeout_or_a_lost_client_finds_neither_the_actor_nor_a_setting() {
    /// What a client of another program finds.
    const FOUND: &str = "select concat_ws(' ', current_setting('statement_timeout'), \
        current_setting('idle_in_transaction_session_timeout'), current_setting('jit'), \
        current_setting('role'), current_setting('search_path'), \
        coalesce(current_setting('app.organization_id', true), ''), \
        coalesce(current_setting('app.user_id', true), ''), \
        (select count(*) from pg_class where relpersistence = 't'), \
        (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())) as found";
    for mode in Mode::ALL {
        let database = migrated("pooler_next").await;
        let Some(pgbouncer) = PgBouncer::start(&[database.url()], 1, mode).await else { continue };
        let limited = [("DATABASE_STATEMENT_TIMEOUT_MS", "1000")];
        let pools = pools(&pgbouncer.urls[0], mode, &limited).await;
        let mut other = client(&pgbouncer.urls[0]).await;
        let fresh = first(&mut client(&database.url()).await, FOUND).await;

        pools.customer(actor()).await.unwrap().commit().await.unwrap();
        assert_eq!(first(&mut other, FOUND).await, fresh, "{mode:?}, after a commit");
        let tx = pools.customer(actor()).await.unwrap();
        let server = number(&tx, SERVER).await;
        let error = soon(run(&tx, SLEEP)).await.unwrap_err();
        assert_eq!(Error::from(error), Error::Timeout, "{mode:?}");
        tx.rollback().await.unwrap();
        assert_eq!(first(&mut other, FOUND).await, fresh, "{mode:?}, after a timeout");
        assert_eq!(first(&mut other, "select pg_backend_pid()::text").await, server.to_string());

        let mut lost = client(&pgbouncer.urls[0]).await;
        let left = "begin; select set_config('app.organization_id', 'x', true); set role customer; \
                    set search_path = pg_temp; create temp table contacts (id int); select pg_advisory_lock(1)";
        sqlx::raw_sql(left).execute(&mut lost).await.unwrap();
        drop(lost);
        assert_eq!(first(&mut other, FOUND).await, fresh, "{mode:?}, after a lost client");
    }
}

// ---- prepared statements

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_statements_than_the_pooler_and_the_client_keep_return_their_own_results() {
    const TRACKED: u32 = 5;
    let database = migrated("pooler_many").await;
    let mode = Mode::Prepared(TRACKED);
    let Some(pgbouncer) = PgBouncer::start(&[database.url()], 2, mode).await else { return };
    let few = open_with(&pgbouncer.urls[0], &[("DATABASE_STATEMENT_CACHE", "7"), mode.variables()[1]]).await;
    let many = pools(&pgbouncer.urls[0], mode, &[]).await;
    for round in 0..3 {
        for value in 0..20_i64 {
            for pools in [&few, &many] {
                let tx = pools.customer(actor()).await.unwrap();
                // The same text for both clients, prepared as another statement of theirs.
                let sql = format!("select {value}::bigint");
                assert_eq!(number(&tx, &sql).await, value, "round {round}");
                let kept = number(&tx, "select count(*) from pg_prepared_statements").await;
                assert!(kept <= i64::from(TRACKED), "the server keeps {kept} statements");
                tx.commit().await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_whose_columns_a_migration_changes_is_run_again() {
    const ALL: &str = "select * from changing";
    for mode in [None, Some(Mode::Uncached), Some(Mode::Prepared(200))] {
        let database = migrated("pooler_columns").await;
        let direct = connect(&database.url()).await.unwrap();
        run(&direct, "create table changing (a int); insert into changing values (1)").await.unwrap();
        let pgbouncer = match mode {
            None => None,
            Some(mode) => {
                let Some(pgbouncer) = PgBouncer::start(&[database.url()], 1, mode).await else { continue };
                Some(pgbouncer)
            }
        };
        let url = pgbouncer.as_ref().map_or(database.url(), |pgbouncer| pgbouncer.urls[0].clone());
        let variables = mode.map_or(Vec::new(), |mode| mode.variables().to_vec());
        let pools = open_with(&url, &[&variables[..], &[("DATABASE_POOL_SIZE", "1")]].concat()).await;
        let row = async |pools: &Database| {
            pools
                .with_admin(async |tx| one(&*tx, ALL).await)
                .await
                .unwrap_or_else(|error| panic!("{error:?}"))
        };
        row(&pools).await;

        run(&direct, "alter table changing add column b text default 'new'").await.unwrap();
        assert_eq!(row(&pools).await.try_get::<String>("", "b").unwrap(), "new", "{mode:?}");

        run(&direct, "alter table changing alter column a type text").await.unwrap();
        let tx = pools.admin().await.unwrap();
        match (mode, one(&tx, ALL).await) {
            (Some(Mode::Uncached), row) => assert_eq!(row.unwrap().try_get::<String>("", "a").unwrap(), "1"),
            (_, row) => assert_eq!(row.unwrap_err(), Error::Retry, "{mode:?}"),
        }
        tx.rollback().await.unwrap();
        // The connection with that statement was closed, and the pooler's to the server with it.
        let tx = pools.admin().await.unwrap();
        let row = one(&tx, ALL).await.unwrap_or_else(|error| panic!("{mode:?}: {error:?}"));
        assert_eq!(row.try_get::<String>("", "a").unwrap(), "1", "{mode:?}");
        tx.commit().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_do_not_fit_the_pooler_are_refused_at_the_start() {
    let guest = LoginRole::new(migrated("pooler_refused").await, "in role customer").await;
    let urls = [guest.admin_url(), guest.url()];
    let refused = async |variables: &[(&str, &str)]| {
        let refused = Database::connect(&settings(variables)).await;
        let error = refused.map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error:?}");
        error.to_string()
    };
    let pooler = ("DATABASE_TRANSACTION_POOLER", "true");

    let without = refused(&[("DATABASE_URL", &urls[0]), pooler]).await;
    assert!(without.contains("without a pooler DATABASE_TRANSACTION_POOLER=false"), "{without}");

    let Some(tracks) = PgBouncer::start(&urls, 1, Mode::Prepared(200)).await else { return };
    for (owner, customer, named) in [
        (&tracks.urls[0], &tracks.urls[1], "DATABASE_URL "),
        (&urls[0], &tracks.urls[1], "CUSTOMER_DATABASE_URL "),
    ] {
        let unset = refused(&[("DATABASE_URL", owner), ("CUSTOMER_DATABASE_URL", customer)]).await;
        assert!(unset.contains(named) && unset.ends_with("set DATABASE_TRANSACTION_POOLER=true"), "{unset}");
    }

    let ignores = async || PgBouncer::start(&urls, 1, Mode::Prepared(0)).await;
    let Some(pgbouncer) = ignores().await else { return };
    let tracking = refused(&[("DATABASE_URL", &pgbouncer.urls[0]), pooler]).await;
    assert!(tracking.contains("set max_prepared_statements (1.21 or newer) or DATABASE_STATEMENT_CACHE=0"));
    // To one client alone it looks like a server; the second one meets the statements of the first.
    let pgbouncer = ignores().await.unwrap();
    let first = open_with(&pgbouncer.urls[0], &[]).await;
    let second = Database::connect(&settings(&[("DATABASE_URL", &pgbouncer.urls[0])])).await;
    let error = second.map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Database(_)), "{error:?}");
    assert!(chain(&error).contains("DATABASE_STATEMENT_CACHE=0"), "{}", chain(&error));
    first.close().await.unwrap();
}

// ---- what they share

/// The pools of an application behind a PgBouncer of this mode.
async fn pools(url: &str, mode: Mode, variables: &[(&str, &str)]) -> Database {
    open_with(url, &[variables, &mode.variables()].concat()).await
}

/// Pools of two connections, for which a call waits two seconds.
async fn open_with(url: &str, more: &[(&str, &str)]) -> Database {
    let pool = [
        ("DATABASE_URL", url),
        ("DATABASE_POOL_SIZE", "2"),
        ("DATABASE_MAX_OVERFLOW", "0"),
        ("DATABASE_ACQUIRE_TIMEOUT_MS", "2000"),
    ];
    open(&settings(&[more, &pool].concat())).await
}

async fn one(tx: &impl ConnectionTrait, sql: &str) -> Result<QueryResult, Error> {
    let row = tx.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    row.ok_or(Error::NotFound("row"))
}

/// A client of another program.
async fn client(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().unwrap();
    options.extra_float_digits(None).disable_statement_logging().connect().await.unwrap()
}

async fn first(client: &mut PgConnection, sql: &'static str) -> String {
    sqlx::raw_sql(sql).fetch_one(client).await.unwrap().get(0)
}
