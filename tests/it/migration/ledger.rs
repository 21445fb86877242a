//! The ledger records the digests of what `up` executed, and `up` continues from no other history than the build's.

use migration::State;
use sea_orm::DbBackend;
use sea_orm_migration::prelude::MigratorTrait as _;
use tests::engine::{Engine, on_both_engines};
use tests::process::Migrator;
use tests::{chain, run, session, texts};

const DIGESTS: &str =
    "select version || ' ' || coalesce(ddl_digest, 'none') from seaql_migrations order by 1";

on_both_engines!(empty: the_ledger_records_what_each_migration_executed);

async fn the_ledger_records_what_each_migration_executed(engine: &Engine) {
    let Engine { db, url, .. } = engine;
    let emitted = migration::emitted().await.unwrap();
    let engine = db.get_database_backend();
    let expected: Vec<_> =
        emitted.iter().map(|one| format!("{} {}", one.name, one.recorded(engine))).collect();
    let session = session(url);
    session.up(Some(2)).await.unwrap();
    assert_eq!(texts(db, DIGESTS).await, expected[..2]);
    session.up(None).await.unwrap();
    assert_eq!(texts(db, DIGESTS).await, expected);
    session.refresh().await.unwrap();
    assert_eq!(texts(db, DIGESTS).await, expected);
    session.fresh().await.unwrap();
    assert_eq!(texts(db, DIGESTS).await, expected);
}

on_both_engines!(migrated: a_migration_that_was_changed_since_is_reported_and_stops_up);

async fn a_migration_that_was_changed_since_is_reported_and_stops_up(Engine { db, url, .. }: &Engine) {
    let migrator = Migrator::on(url);
    migrator.run("status --check").succeeds();
    // As after a build whose second statement had other words.
    let another = "update seaql_migrations \
                   set ddl_digest = substr(ddl_digest, 1, 19) || '0123456789abcdef' || substr(ddl_digest, 36) \
                   where version like '%create_contacts'";
    run(db, another).await.unwrap();

    let status = migrator.run("status");
    let line = status.succeeds().stdout.lines().find(|line| line.contains("create_contacts")).unwrap();
    assert!(line.contains("applied, changed since"), "{line}");
    assert_eq!(migrator.run("status --check").code, Some(1));
    for command in ["up", "up -n 1"] {
        let refused = migrator.run(command);
        refused.fails(&[
            "m20261121_000008_create_contacts (statement 2 of ",
            "had the digest 0123456789abcdef",
            "was changed since",
            "write a new one",
            "accepted_digests.yaml",
        ]);
    }
    migrator.run("down").succeeds();
    migrator.run("up").fails(&["create_contacts"]);

    // The statement of the README for a change known to be harmless.
    run(db, "update seaql_migrations set ddl_digest = null where version like '%create_contacts'")
        .await
        .unwrap();
    assert_eq!(migrator.run("up").succeeds().applied(), 1);
    migrator.run("status --check").succeeds();

    for command in ["refresh", "fresh"] {
        run(db, another).await.unwrap();
        migrator.run(command).succeeds();
        migrator.run("status --check").succeeds();
    }
}

/// The digest covers `up` on the database's own engine: nothing else can make production refuse a deployment.
#[tokio::test]
async fn a_changed_down_a_comment_and_the_other_engine_are_not_refused() {
    let emitted = migration::emitted().await.unwrap();
    for migration in emitted {
        let record = |engine| migration.recorded(engine);
        let (postgres, sqlite) = (record(DbBackend::Postgres), record(DbBackend::Sqlite));
        let mut changed = migration.clone();
        changed.postgres.down.push("drop table ghosts".to_owned());
        changed.sqlite.down.clear();
        changed.transactional = !changed.transactional;
        for text in changed.postgres.up.iter_mut().chain(&mut changed.sqlite.up) {
            *text = format!("-- a comment\n  {} /* another */;\n", text.replace("\n    ", "\n\t"));
        }
        assert_eq!(changed.recorded(DbBackend::Postgres), postgres);
        assert_eq!(changed.recorded(DbBackend::Sqlite), sqlite);
        changed.sqlite.up.push("create table ghosts (id integer)".to_owned());
        assert_eq!(changed.recorded(DbBackend::Postgres), postgres);
        assert_ne!(changed.recorded(DbBackend::Sqlite), sqlite);
    }
}

on_both_engines!(empty: seaorms_own_migrator_and_a_ledger_without_digests_are_understood);

async fn seaorms_own_migrator_and_a_ledger_without_digests_are_understood(Engine { db, url, .. }: &Engine) {
    let session = session(url);
    migration::Migrator::up(db, Some(3)).await.unwrap();
    let status = session.status().await.unwrap();
    assert_eq!(status.iter().filter(|status| matches!(status.state, State::Applied(_))).count(), 3);
    session.up(Some(1)).await.unwrap();
    let known: Vec<_> = texts(db, DIGESTS).await.iter().map(|line| !line.ends_with(" none")).collect();
    assert_eq!(known, [false, false, false, true]);

    // The column does not disturb SeaORM's own.
    migration::Migrator::up(db, Some(1)).await.unwrap();
    migration::Migrator::down(db, Some(2)).await.unwrap();
    session.up(None).await.unwrap();
    assert_eq!(texts(db, DIGESTS).await.iter().filter(|line| line.ends_with(" none")).count(), 3);
    session.down(None).await.unwrap();
}

on_both_engines!(migrated: a_pending_migration_older_than_an_applied_one_stops_up);

async fn a_pending_migration_older_than_an_applied_one_stops_up(Engine { db, url, .. }: &Engine) {
    let names: Vec<String> =
        migration::Migrator::migrations().iter().map(|found| found.name().to_owned()).collect();
    let [.., older, newest] = &names[..] else { panic!("two migrations at least: {names:?}") };
    run(db, &format!("delete from seaql_migrations where version = '{older}'")).await.unwrap();
    let error = chain(&session(url).up(None).await.unwrap_err());
    assert!(error.starts_with(&format!("the pending migration {older} is older than {newest}")), "{error}");
    // As the error advises: go back to it, and up again.
    session(url).down(Some(1)).await.unwrap();
    assert_eq!(session(url).up(None).await.unwrap(), 2);
}
