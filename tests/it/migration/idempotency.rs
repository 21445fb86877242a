//! Every `up` and every `down` can run again on its own result, also with the ledger lost.

use crate::migration::snapshot::{assert_same, catalogue, fill, rows};
use migration::State;
use sea_orm::DatabaseConnection;
use tests::engine::{Engine, on_both_engines};
use tests::process::Migrator;
use tests::{run, session, texts};

on_both_engines!(migrated: up_again_changes_nothing_and_reports_it);

async fn up_again_changes_nothing_and_reports_it(Engine { db, url, .. }: &Engine) {
    fill(db).await;
    let before = (catalogue(db).await, rows(db).await, ledger(db).await);
    let again = Migrator::on(url).run("up");
    assert_eq!(again.succeeds().stdout, "Nothing to do.\n");
    assert_eq!(again.stderr, "");
    assert_same(&before.0, &catalogue(db).await, "after the second up");
    assert_eq!((before.1, before.2), (rows(db).await, ledger(db).await));
}

on_both_engines!(empty: reset_again_changes_nothing_and_reports_it);

async fn reset_again_changes_nothing_and_reports_it(Engine { db, url, .. }: &Engine) {
    let empty = catalogue(db).await;
    let migrator = Migrator::on(url);
    migrator.run("up").succeeds();
    migrator.run("reset").succeeds();
    assert_eq!(migrator.run("reset").succeeds().stdout, "Nothing to do.\n");
    assert_same(&empty, &catalogue(db).await, "after the second reset");
}

on_both_engines!(migrated: up_without_the_ledger_it_had_changes_nothing_but_the_ledger);

async fn up_without_the_ledger_it_had_changes_nothing_but_the_ledger(Engine { db, url, .. }: &Engine) {
    let with_ledger = catalogue(db).await;
    for filled in [false, true] {
        if filled {
            fill(db).await;
        }
        let before = rows(db).await;
        run(db, "drop table seaql_migrations").await.unwrap();
        let applied = session(url).up(None).await.unwrap();
        assert_eq!(applied, session(url).status().await.unwrap().len());
        assert_same(&with_ledger, &catalogue(db).await, "after up without the ledger");
        assert_eq!(before, rows(db).await, "the rows are as they were");
    }
}

on_both_engines!(empty: every_up_runs_again_on_its_own_result);

async fn every_up_runs_again_on_its_own_result(Engine { db, url, .. }: &Engine) {
    let session = session(url);
    for status in session.status().await.unwrap() {
        let name = &status.name;
        session.up(Some(1)).await.unwrap();
        let once = catalogue(db).await;
        for filled in [false, true] {
            if filled {
                fill(db).await;
            }
            let before = rows(db).await;
            run(db, &format!("delete from seaql_migrations where version = '{name}'")).await.unwrap();
            assert_eq!(session.up(Some(1)).await.expect(name), 1, "{name}");
            assert_same(&once, &catalogue(db).await, name);
            assert_eq!(before, rows(db).await, "{name}");
        }
    }
}

on_both_engines!(migrated: every_down_runs_again_on_its_own_result);

async fn every_down_runs_again_on_its_own_result(Engine { db, url, .. }: &Engine) {
    fill(db).await;
    let session = session(url);
    let mut applied = session.status().await.unwrap();
    while let Some(status) = applied.pop() {
        let name = &status.name;
        assert!(matches!(status.state, State::Applied(_)), "{status:?}");
        assert_eq!(session.down(Some(1)).await.unwrap(), 1, "{name}");
        let once = (catalogue(db).await, rows(db).await);
        // The last one takes the ledger along.
        run(
            db,
            &format!(
                "create table if not exists seaql_migrations (
                    version varchar not null primary key, applied_at bigint not null);
                 insert into seaql_migrations (version, applied_at) values ('{name}', 0)"
            ),
        )
        .await
        .unwrap();
        assert_eq!(session.down(Some(1)).await.expect(name), 1, "{name}");
        assert_same(&once.0, &catalogue(db).await, name);
        assert_eq!(once.1, rows(db).await, "{name}");
    }
}

/// The ledger's rows, their times included.
async fn ledger(db: &DatabaseConnection) -> Vec<String> {
    let sql = "select version || ' ' || applied_at from seaql_migrations order by version";
    let lines = texts(db, sql).await;
    assert!(!lines.is_empty(), "there are migrations");
    lines
}
