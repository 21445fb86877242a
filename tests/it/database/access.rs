//! A transaction sees the rows of its scope, ends only by commit or rollback, and leaves no state on its connection.
//! Each failure has an error of its own kind, without values of rows.

use database::schema::MIGRATIONS;
use database::{Database, Error, Scope, Tx, campaigns, events, users};
use futures_util::TryStreamExt;
use futures_util::future::join;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, PaginatorTrait, Set, Statement,
    StreamTrait,
};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tests::factory::{T, open, settings};
use tests::login_role::LoginRole;
use tests::on_both_runtimes;
use tests::runtime::{on_tokio, sleep, spawn, timeout};
use tests::{SqliteFile, connect, empty, migrated, run};
use tokio::sync::Barrier;

/// Far beyond what anything here takes; only what hangs reaches it.
const HANG: Duration = Duration::from_mins(1);

on_both_runtimes! {
    a_customer_sees_its_own_rows_and_no_others,
    only_a_commit_makes_a_change_permanent,
    a_commit_after_a_statement_that_failed_is_an_error_and_nothing_lasts,
    a_database_that_is_dropped_or_refused_leaves_no_connection,
    the_next_transaction_on_a_connection_finds_no_actor_and_no_role,
    without_an_actor_a_customers_query_is_an_error_of_its_own_kind,
    sqlite_has_no_customers,
    two_customers_that_deadlock_both_succeed,
    two_admins_that_cannot_be_serialized_both_succeed,
    a_race_that_is_always_lost_is_given_up,
    an_error_names_the_constraint_and_never_a_value,
    a_value_that_cannot_be_read_is_not_in_the_error,
    a_missing_privilege_is_forbidden,
    a_login_of_customers_above_row_level_security_is_refused,
    a_schema_that_lacks_migrations_is_refused_unless_told_otherwise,
    a_schema_of_a_newer_build_is_accepted,
    this_build_knows_the_migrators_migrations,
    a_burst_opens_more_connections_than_the_pools_size_and_closes_them_again,
}

async fn a_customer_sees_its_own_rows_and_no_others() {
    let t = T::new().await;
    let other = t.neighbour().await;
    let own = t.factory.campaign(&t.organization).await;
    let foreign = t.factory.campaign(&other.organization).await;

    let tx = t.customer().await;
    assert_eq!(campaigns::list(&tx, None, None, 10).await.unwrap().items, [own]);
    assert_eq!(campaigns::find(&tx, foreign.id).await.unwrap(), None);
    assert_eq!(entity::campaigns::Entity::find().count(&tx).await.unwrap(), 1, "also without a filter");
    assert_eq!(tx.actor(), t.actor.into());

    let tx = t.admin().await;
    assert_eq!(campaigns::find(&tx, foreign.id).await.unwrap(), Some(foreign), "an admin sees all rows");
}

async fn only_a_commit_makes_a_change_permanent() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let there = async || campaigns::find(&t.admin().await, campaign.id).await.unwrap().is_some();

    let tx = t.customer().await;
    campaigns::delete(&tx, campaign.id).await.unwrap();
    drop(tx);
    assert!(there().await, "dropped");

    let tx = t.customer().await;
    campaigns::delete(&tx, campaign.id).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(there().await, "rolled back");

    let refused = t.database.with_customer(t.actor, async |tx| {
        campaigns::delete(&tx, campaign.id).await?;
        Err::<(), _>(Error::NotFound("something else"))
    });
    assert_eq!(refused.await, Err(Error::NotFound("something else")));
    assert!(there().await, "a closure that fails");

    let tx = t.customer().await;
    campaigns::delete(&tx, campaign.id).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!there().await);
}

async fn a_commit_after_a_statement_that_failed_is_an_error_and_nothing_lasts() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let name = async || campaigns::find(&t.customer().await, campaign.id).await.unwrap().unwrap().name;
    let rename = "update campaigns set name = 'changed'";

    let tx = t.customer().await;
    run(&tx, rename).await.unwrap();
    let _passed_over = run(&tx, "select 1 / 0").await;
    let error = tx.commit().await.unwrap_err();
    assert!(matches!(&error, Error::Database(fault) if fault.code == "25P02"), "{error:?}");
    assert_eq!(name().await, campaign.name);

    let closure = t.database.with_admin(async |tx| {
        let mut rows = tx.stream_raw(query("select 1 / (2 - n) from generate_series(1, 3) as n")).await?;
        while let Ok(Some(_)) = rows.try_next().await {}
        Ok(())
    });
    assert!(closure.await.is_err());

    // Who goes back to a savepoint has nothing to fear.
    let tx = t.customer().await;
    run(&tx, "savepoint s").await.unwrap();
    let _passed_over = run(&tx, "select 1 / 0").await;
    run(&tx, &format!("rollback to savepoint s; {rename}")).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(name().await, "changed");
}

async fn a_database_that_is_dropped_or_refused_leaves_no_connection() {
    let database = migrated("forgotten").await;
    let url = database.url();
    let db = connect(&url).await.unwrap();
    let pools = open(&settings(&[("DATABASE_URL", &url), ("DATABASE_APPLICATION_NAME", "forgotten")])).await;
    pools.admin().await.unwrap().commit().await.unwrap();
    drop(pools);
    run(&db, &format!("delete from seaql_migrations where version = '{}'", MIGRATIONS[0])).await.unwrap();
    let again = settings(&[("DATABASE_URL", &url), ("DATABASE_APPLICATION_NAME", "forgotten")]);
    for _ in 0..3 {
        Database::connect(&again).await.unwrap_err();
    }
    let sql = "select count(*) as open from pg_stat_activity \
               where application_name = 'forgotten' and datname = current_database()";
    timeout(HANG, async {
        while db.query_one_raw(query(sql)).await.unwrap().unwrap().try_get::<i64>("", "open").unwrap() > 0 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
}

async fn the_next_transaction_on_a_connection_finds_no_actor_and_no_role() {
    let database = migrated("one_connection").await;
    let one =
        [("DATABASE_URL", &*database.url()), ("DATABASE_POOL_SIZE", "1"), ("DATABASE_MAX_OVERFLOW", "0")];
    let t = T::on(open(&settings(&one)).await).await;
    let tx = t.admin().await;
    let owner = text(&tx, "select session_user::text").await;
    let connection = text(&tx, "select pg_backend_pid()::text").await;
    tx.rollback().await.unwrap();
    for end in ["commit", "rollback", "drop", "error"] {
        let tx = t.customer().await;
        assert_eq!(text(&tx, "select current_user::text").await, "customer");
        match end {
            "commit" => tx.commit().await.unwrap(),
            "rollback" => tx.rollback().await.unwrap(),
            "error" => {
                assert!(run(&tx, "select 1 / 0").await.is_err());
                drop(tx);
            }
            _ => drop(tx),
        }
        let tx = t.admin().await;
        let next = text(&tx, "select pg_backend_pid()::text").await;
        assert_eq!(next, connection, "{end}: the same connection");
        assert_eq!(text(&tx, "select current_user::text").await, owner, "{end}");
        for setting in ["app.organization_id", "app.user_id"] {
            let bound = format!("select coalesce(current_setting('{setting}', true), '')");
            assert_eq!(text(&tx, &bound).await, "", "{end}: {setting}");
        }
        tx.rollback().await.unwrap();
    }
}

async fn without_an_actor_a_customers_query_is_an_error_of_its_own_kind() {
    let t = T::new().await;
    // A fresh connection has no such setting, a used one an empty one.
    for _ in 0..2 {
        let tx = t.admin().await;
        run(&tx, "set local role customer").await.unwrap();
        let error = entity::campaigns::Entity::find().all(&tx).await.unwrap_err();
        assert_eq!(Error::from(error), Error::ActorRequired);
        drop(tx);
        t.customer().await.commit().await.unwrap();
    }
}

async fn sqlite_has_no_customers() {
    let file = SqliteFile::migrated().await;
    let t = T::on(open(&settings(&[("DATABASE_URL", &file.url())])).await).await;
    assert_eq!(t.database.customer(t.actor).await.unwrap_err(), Error::SqliteHasNoCustomers);
    let refused = t.database.with_customer(t.actor, async |_| Ok(())).await;
    assert_eq!(refused, Err(Error::SqliteHasNoCustomers));
    assert_eq!(users::find(&t.admin().await, t.user.id).await.unwrap(), Some(t.user.clone()));
}

async fn two_customers_that_deadlock_both_succeed() {
    let t = T::new().await;
    let first = t.factory.campaign(&t.organization).await.id;
    let second = t.factory.campaign(&t.organization).await.id;
    let (both, runs) = (Arc::new(Barrier::new(2)), Arc::new(AtomicU32::new(0)));
    let task = |own, other| {
        let (database, actor) = (t.database.clone(), t.actor);
        let (both, runs) = (Arc::clone(&both), Arc::clone(&runs));
        // Spawned, because what a server spawns has to be Send.
        spawn(async move {
            database
                .with_customer(actor, async |tx| {
                    touch(&tx, own).await?;
                    if runs.fetch_add(1, Ordering::Relaxed) < 2 {
                        both.wait().await;
                    }
                    touch(&tx, other).await
                })
                .await
        })
    };
    let (one, two) = (task(first, second), task(second, first));
    let (one, two) = timeout(HANG, join(one, two)).await.unwrap();
    assert_eq!((one, two), (Ok(()), Ok(())));
    // More than once where the one that runs again is faster than the other one, which waits for its lock.
    assert!(runs.load(Ordering::Relaxed) >= 3, "one of them was run again");
}

async fn touch(tx: &database::CustomerTx, id: entity::id::CampaignId) -> Result<(), Error> {
    let changes =
        campaigns::CampaignChanges { description: Set(Some("seen".to_owned())), ..Default::default() };
    campaigns::update(tx, id, changes).await.map(|_| ())
}

async fn two_admins_that_cannot_be_serialized_both_succeed() {
    let database = migrated("serializable").await;
    let db = connect(&database.url()).await.unwrap();
    let name = database.name();
    run(&db, &format!("alter database {name} set default_transaction_isolation = 'serializable'"))
        .await
        .unwrap();
    let t = T::on(open(&settings(&[("DATABASE_URL", &database.url())])).await).await;
    let id = t.factory.campaign(&t.organization).with(|row| row.retry_interval_minutes = Set(1)).await.id;
    let (both, runs) = (Arc::new(Barrier::new(2)), Arc::new(AtomicU32::new(0)));
    let task = || {
        let (database, both, runs) = (t.database.clone(), Arc::clone(&both), Arc::clone(&runs));
        spawn(async move {
            database
                .with_admin(async |tx| {
                    let found = campaigns::find(&tx, id).await?.ok_or(Error::NotFound("campaign"))?;
                    if runs.fetch_add(1, Ordering::Relaxed) < 2 {
                        both.wait().await;
                    }
                    let row = entity::campaigns::ActiveModel {
                        id: Set(id),
                        retry_interval_minutes: Set(found.retry_interval_minutes + 1),
                        ..Default::default()
                    };
                    Ok(row.update(&*tx).await.map(|_| ())?)
                })
                .await
        })
    };
    let (one, two) = (task(), task());
    let (one, two) = timeout(HANG, join(one, two)).await.unwrap();
    assert_eq!((one, two), (Ok(()), Ok(())));
    let found = campaigns::find(&t.admin().await, id).await.unwrap().unwrap();
    assert_eq!(found.retry_interval_minutes, 3, "no update was lost");
    assert_eq!(runs.load(Ordering::Relaxed), 3);
}

async fn a_race_that_is_always_lost_is_given_up() {
    let t = T::new().await;
    let runs = AtomicU32::new(0);
    let lost = t.database.with_admin(async |_| {
        runs.fetch_add(1, Ordering::Relaxed);
        Err::<(), _>(Error::Retry)
    });
    assert_eq!(timeout(HANG, lost).await.unwrap(), Err(Error::Retry));
    assert_eq!(runs.load(Ordering::Relaxed), 5);
}

async fn an_error_names_the_constraint_and_never_a_value() {
    const SECRET: &str = "another-user@example.com";
    let t = T::new().await;
    t.factory.stranger().with(|row| row.email = Set(format!("{}{SECRET}", t.user.id))).await;
    let mut again = entity::users::ActiveModel {
        oidc_sub: Set("another".to_owned()),
        email: Set(format!("{}{SECRET}", t.user.id)),
        name: Set("Another".to_owned()),
        ..Default::default()
    };
    let insert = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "insert into users (oidc_sub, email, name) values ('another', $1, 'Another') returning id",
        [format!("{}{SECRET}", t.user.id).into()],
    );
    let unprepared = format!(
        "insert into users (oidc_sub, email, name) values ('another', '{}{SECRET}', 'Another')",
        t.user.id
    );
    let mut errors: Vec<(&str, DbErr)> = Vec::new();
    errors.push(("insert", again.clone().insert(&t.admin().await).await.unwrap_err()));
    errors.push(("query_one", t.admin().await.query_one_raw(insert.clone()).await.unwrap_err()));
    errors.push(("query_all", t.admin().await.query_all_raw(insert.clone()).await.unwrap_err()));
    errors.push(("execute", t.admin().await.execute_raw(insert.clone()).await.unwrap_err()));
    errors.push(("unprepared", t.admin().await.execute_unprepared(&unprepared).await.unwrap_err()));
    let tx = t.admin().await;
    let rows = tx.stream_raw(insert).await.unwrap();
    errors.push(("stream", rows.try_collect::<Vec<_>>().await.unwrap_err()));
    again.email = Set("x".repeat(256) + SECRET);
    errors.push(("check", again.insert(&t.admin().await).await.unwrap_err()));
    for (how, error) in errors {
        let raw = format!("{error} {error:?} {}", environment::chain(&error));
        assert!(!raw.contains(SECRET), "{how}: {raw}");
        let constraint = if how == "check" { "ck_users_email_length" } else { "uq_users_email" };
        let error = Error::from(error);
        assert_eq!(error, Error::Constraint(constraint.to_owned()), "{how}");
        assert!(!format!("{error} {error:?}").contains(SECRET), "{how}");
    }
}

async fn a_value_that_cannot_be_read_is_not_in_the_error() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let contact = t.factory.contact(&campaign).await;
    t.factory.event(&contact).await;
    let tx = t.admin().await;
    let text = "'\"+393331234567\"'";
    let own = t.organization.id.as_uuid();
    run(&tx, &format!("update events set payload = {text} where organization_id = '{own}'")).await.unwrap();
    tx.commit().await.unwrap();
    let error = events::list_by_contact(&t.customer().await, contact.id).await.unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(!told.contains("+39333") && told.contains("cannot be decoded"), "{told}");
}

async fn a_missing_privilege_is_forbidden() {
    let t = T::new().await;
    let tx = t.customer().await;
    let error = Error::from(run(&tx, "truncate contacts").await.unwrap_err());
    assert!(matches!(error, Error::Forbidden(_)), "{error:?}");
}

async fn a_login_of_customers_above_row_level_security_is_refused() {
    let guest = LoginRole::new(migrated("refusals").await, "").await;
    let name = guest.name.clone();
    let url = guest.url();
    let admin_url = guest.admin_url();
    let connect = async || {
        let both = [("DATABASE_URL", &*admin_url), ("CUSTOMER_DATABASE_URL", &*url)];
        timeout(HANG, Box::pin(Database::connect(&settings(&both)))).await.unwrap()
    };
    let db = tests::connect(&guest.admin_url()).await.unwrap();
    let admin = db.query_one_raw(query("select current_user::text as name")).await.unwrap().unwrap();
    let admin: String = admin.try_get("", "name").unwrap();
    db.close().await.unwrap();

    let stranger = "is not a member of the role customer; run: grant customer to that login";
    let becomes = "is a member of a role that is a superuser, has BYPASSRLS or owns a table of the schema";
    for (given, reason, taken) in [
        ("select".to_owned(), stranger, format!("grant customer to {name}")),
        (format!("alter role {name} superuser"), "is a superuser", format!("alter role {name} nosuperuser")),
        (format!("alter role {name} bypassrls"), "has BYPASSRLS", format!("alter role {name} nobypassrls")),
        (
            format!("alter table contacts owner to {name}"),
            "owns a table of the schema",
            format!("alter table contacts owner to {admin}"),
        ),
        (format!("grant {admin} to {name}"), becomes, format!("revoke {admin} from {name}")),
        (
            format!("create role boss_{name} bypassrls; grant boss_{name} to {name}"),
            becomes,
            format!("drop role boss_{name}"),
        ),
    ] {
        guest.administer(&given).await;
        let refusal = connect().await.unwrap_err();
        let expected = format!("the login {name} of CUSTOMER_DATABASE_URL {reason}");
        guest.administer(&taken).await;
        assert_eq!(refusal, Error::Refused(expected), "{given}");
    }

    let t = T::on(connect().await.unwrap()).await;
    t.factory.campaign(&t.neighbour().await.organization).await;
    let tx = t.customer().await;
    assert_eq!(text(&tx, "select session_user::text").await, name);
    assert_eq!(campaigns::count(&tx, None).await.unwrap(), 0);
}

async fn a_schema_that_lacks_migrations_is_refused_unless_told_otherwise() {
    let database = migrated("pending").await;
    let url = database.url();
    let last = MIGRATIONS.last().unwrap();
    let db = connect(&url).await.unwrap();
    run(&db, &format!("delete from seaql_migrations where version = '{last}'")).await.unwrap();
    let refusal = Database::connect(&settings(&[("DATABASE_URL", &url)])).await.unwrap_err().to_string();
    let count = MIGRATIONS.len();
    let expected = format!("1 of {count} migrations are pending, first {last}; run: ");
    assert!(refusal.starts_with(&expected), "{refusal}");
    let lenient = [("DATABASE_URL", &*url), ("DATABASE_REQUIRE_MIGRATIONS", "false")];
    Database::connect(&settings(&lenient)).await.unwrap();

    let file = SqliteFile::new();
    let nothing = empty("unmigrated");
    for url in [nothing.url(), file.url()] {
        let refusal = Database::connect(&settings(&[("DATABASE_URL", &url)])).await.unwrap_err().to_string();
        assert!(refusal.contains(&format!("{count} of {count} migrations are pending")), "{refusal}");
    }
}

async fn a_schema_of_a_newer_build_is_accepted() {
    let database = migrated("newer").await;
    let db = connect(&database.url()).await.unwrap();
    run(&db, "insert into seaql_migrations values ('m29991231_000001_later', 0)").await.unwrap();
    Database::connect(&settings(&[("DATABASE_URL", &database.url())])).await.unwrap();
}

async fn this_build_knows_the_migrators_migrations() {
    let status = on_tokio(tests::session(&SqliteFile::new().url()).status()).await.unwrap();
    let names: Vec<String> = status.into_iter().map(|migration| migration.name).collect();
    assert_eq!(MIGRATIONS, names);
}

async fn a_burst_opens_more_connections_than_the_pools_size_and_closes_them_again() {
    let database = migrated("overflow").await;
    let db = connect(&database.url()).await.unwrap();
    let open_now = async || {
        let sql = "select count(*) as open from pg_stat_activity \
                   where application_name = 'burst' and datname = current_database()";
        let row = db.query_one_raw(query(sql)).await.unwrap().unwrap();
        row.try_get::<i64>("", "open").unwrap()
    };
    let small = [
        ("DATABASE_URL", &*database.url()),
        ("DATABASE_APPLICATION_NAME", "burst"),
        ("DATABASE_POOL_SIZE", "2"),
        ("DATABASE_MAX_OVERFLOW", "3"),
    ];
    let pools = open(&settings(&small)).await;
    let mut burst = Vec::new();
    for _ in 0..5 {
        burst.push(timeout(HANG, pools.admin()).await.unwrap().unwrap());
    }
    // Those with which the pools were checked at the start may still be closing.
    timeout(HANG, async {
        while open_now().await != 5 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    for tx in burst {
        tx.commit().await.unwrap();
    }
    // Those that are still being closed count for the pool: one that comes back meanwhile may be closed as well. In the
    // end there are no more than two, and what comes back is kept.
    let served_by = async || {
        let tx = pools.admin().await.unwrap();
        let process = text(&tx, "select pg_backend_pid()::text").await;
        tx.commit().await.unwrap();
        process
    };
    timeout(HANG, async {
        loop {
            let processes =
                HashSet::from([served_by().await, served_by().await, served_by().await, served_by().await]);
            if processes.len() <= 2 && (1..=2).contains(&open_now().await) {
                break;
            }
        }
    })
    .await
    .unwrap();
}

fn query(sql: &str) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql)
}

async fn text(tx: &Tx<impl Scope>, sql: &str) -> String {
    tx.query_one_raw(query(sql)).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}
