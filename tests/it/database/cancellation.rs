//! A future that is dropped leaves nothing on its connection: no actor, no role, no open transaction.

use database::{Database, Settings};
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use std::ffi::OsString;
use std::time::{Duration, Instant};
use tests::factory::T;
use tests::migrated;
use tests::on_both_runtimes;
use tests::runtime::{sleep, spawn, timeout};

/// How many futures are dropped.
const DROPPED: u32 = 1_000;

on_both_runtimes! {
    a_dropped_future_leaves_no_actor_no_role_and_no_transaction_on_its_connection,
}

async fn a_dropped_future_leaves_no_actor_no_role_and_no_transaction_on_its_connection() {
    let postgres = migrated("cancellation").await;
    let settings = Settings::read(|variable| {
        let value = match variable {
            "DATABASE_URL" => postgres.url(),
            "DATABASE_POOL_SIZE" => "2".to_owned(),
            "DATABASE_ACQUIRE_TIMEOUT_MS" => "20000".to_owned(),
            // The server ends no transaction in place of the pool.
            "DATABASE_MAX_OVERFLOW" | "DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS" => "0".to_owned(),
            "DATABASE_APPLICATION_NAME" => "cancelled".to_owned(),
            _ => return None,
        };
        Some(OsString::from(value))
    })
    .unwrap();
    let database = Database::connect(&settings).await.unwrap();
    let T { actor, .. } = T::on(database.clone()).await;
    let work = move |database: Database, task| async move {
        if task == 0 {
            let tx = database.admin().await?;
            tx.execute_unprepared("select pg_sleep(0.0005)").await?;
            return tx.commit().await;
        }
        let tx = database.customer(actor).await?;
        tx.execute_unprepared("select count(*) from contacts").await?;
        tx.execute_unprepared("select pg_sleep(0.0005)").await?;
        tx.commit().await
    };

    let mut finished = 0;
    let mut longest = Duration::ZERO;
    for round in 0..DROPPED / 4 {
        if round % 10 == 0 {
            // As long as undisturbed ones take now, on this machine with its other work, and a little more.
            let started = Instant::now();
            join_all((0..4).map(|task| work(database.clone(), task)))
                .await
                .into_iter()
                .for_each(Result::unwrap);
            longest = started.elapsed().mul_f64(1.5);
        }
        // Four at once on two connections: some are dropped while they wait for one.
        let tasks: Vec<_> = (0..4)
            .map(|task| spawn(timeout(longest.mul_f64(fastrand::f64()), work(database.clone(), task))))
            .collect();
        for task in tasks {
            if let Ok(result) = task.await {
                result.unwrap();
                finished += 1;
            }
        }
    }
    assert!((1..DROPPED).contains(&finished), "{finished} of {DROPPED} finished");
    println!("{finished} of {DROPPED} futures finished before they were dropped");

    // Both connections, whichever they are by now.
    let (one, two) = (database.admin().await.unwrap(), database.admin().await.unwrap());
    for tx in [&one, &two] {
        let row = tx
            .query_one_raw(Statement::from_string(
                DbBackend::Postgres,
                "select case when current_user <> session_user then current_user::text else '' end, \
                        coalesce(current_setting('app.organization_id', true), ''), \
                        coalesce(current_setting('app.user_id', true), ''), \
                        now() = statement_timestamp() or now() > statement_timestamp() - interval '10 s'",
            ))
            .await
            .unwrap()
            .unwrap();
        let text = |index| row.try_get_by_index::<String>(index).unwrap();
        assert_eq!((text(0), text(1), text(2)), Default::default());
        assert!(row.try_get_by_index::<bool>(3).unwrap(), "the transaction is an old one");
    }
    // A server process ends its transaction only when it notices that its client is gone.
    let open = "select count(*) from pg_stat_activity where datname = current_database() \
                and application_name = 'cancelled' and state like 'idle in transaction%' and pid <> pg_backend_pid()";
    let only_the_other = async {
        loop {
            let row = one.query_one_raw(Statement::from_string(DbBackend::Postgres, open)).await;
            if row.unwrap().unwrap().try_get_by_index::<i64>(0).unwrap() == 1 {
                break;
            }
            // `pg_stat_activity` is a snapshot until the transaction ends.
            one.execute_unprepared("select pg_stat_clear_snapshot()").await.unwrap();
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(30), only_the_other)
        .await
        .expect("only this test's other transaction is open");
}
