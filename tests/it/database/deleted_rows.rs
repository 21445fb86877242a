//! Each query of `database` does with deleted rows what its documentation declares.

use database::{Error, Scope, Tx};
use futures_util::future::join;
use sea_orm::DbErr;
use sea_orm::prelude::DateTimeUtc;
use std::collections::BTreeSet;
use std::time::Duration;
use tests::cases::{Case, Run, cases};
use tests::declared::{Declared, queries};
use tests::factory::{open, settings};
use tests::runtime::sleep;
use tests::world::{TABLES, World};
use tests::{SqliteFile, code, migrated, run, texts};

/// The error of a statement that waits for a lock beyond `lock_timeout`.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// When rows are deleted; the time does not matter.
const DELETED: Option<DateTimeUtc> = Some(DateTimeUtc::UNIX_EPOCH);

/// How often a test looks whether a query waits, 10 ms apart.
const LOOKS: u32 = 300;

/// What a query did, in the words of the declarations.
fn outcome(table: &str, result: &Result<bool, Error>) -> String {
    let name = match table {
        "campaigns" => "campaign",
        "email_templates" => "e-mail template",
        "organizations" => "organization",
        _ => "user",
    };
    match result {
        Ok(true) => "reads".to_owned(),
        Ok(false) | Err(Error::NotFound(_)) => "hidden".to_owned(),
        Err(Error::Deleted(found)) if *found == name => "refused".to_owned(),
        Err(Error::Constraint(_)) => "reserved".to_owned(),
        Err(error) => format!("fails: {error:?}"),
    }
}

/// The outcome of a declared decision. `bound`: the transaction was bound before the deletion.
fn expected(decision: &str) -> &str {
    if decision == "bound" { "reads" } else { decision }
}

async fn postgresql(name: &str) -> (scratch::Database, World) {
    let scratch = migrated(name).await;
    let world = World::new(open(&settings(&[("DATABASE_URL", &scratch.url())])).await).await;
    (scratch, world)
}

/// What deviates from the declaration of a query, in one scope: with nothing deleted, and with the row of each table
/// deleted after the transaction began.
async fn deviations<S: Scope>(
    world: &World,
    query: &str,
    declared: &Declared,
    begin: impl AsyncFn() -> Tx<S>,
    call: Run<Tx<S>>,
) -> Vec<String> {
    let mut deviations = Vec::new();
    let decisions = declared.decisions.iter().map(|(table, decision)| (table.as_str(), decision.as_str()));
    for (table, decision) in [("nothing", "reads")].into_iter().chain(decisions) {
        let tx = begin().await;
        if table != "nothing" {
            world.commit_mark(table, DELETED).await;
        }
        let result = call(world, &tx).await;
        tx.rollback().await.unwrap();
        if table != "nothing" {
            world.commit_mark(table, None).await;
        }
        if let Err(Error::PostgresRequired { .. }) = result {
            continue;
        }
        let found = outcome(table, &result);
        let keeps_values = declared.decisions.values().any(|decision| decision == "reserved");
        let expected = if keeps_values { "reserved" } else { expected(decision) };
        if found != expected {
            let scope = std::any::type_name::<S>();
            deviations.push(format!("{query} in {scope}, {table} deleted: {found}, declared {decision}"));
        }
    }
    deviations
}

#[test]
fn every_query_has_a_decision_and_a_case_in_each_scope_that_it_accepts() {
    let queries = queries();
    let cases = cases();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.query).collect();
    assert_eq!(names.len(), cases.len(), "a query has one case");
    assert_eq!(names, queries.keys().map(String::as_str).collect());
    for Case { query, admin, customer } in cases {
        let Declared { scope, decisions, .. } = &queries[query];
        let scopes = (admin.is_some(), customer.is_some());
        assert_eq!(scopes, (scope != "CustomerTx", scope != "AdminTx"), "{query}: {scope}");
        assert!(!decisions.is_empty(), "{query} has no decision");
        assert!(decisions.keys().all(|table| TABLES.contains(&table.as_str())), "{query}: {decisions:?}");
    }
}

#[tokio::test]
async fn every_query_treats_deleted_rows_as_declared() {
    let (_scratch, world) = postgresql("deleted_rows").await;
    let queries = queries();
    let mut found = Vec::new();
    for Case { query, admin, customer } in cases() {
        let declared = &queries[query];
        if let Some(call) = admin {
            let begin = async || world.database.admin().await.unwrap();
            found.extend(deviations(&world, query, declared, begin, call).await);
        }
        if let Some(call) = customer {
            let begin = async || world.database.customer(world.actor).await.unwrap();
            found.extend(deviations(&world, query, declared, begin, call).await);
        }
    }
    assert_eq!(found, Vec::<String>::new());

    for table in ["organizations", "users"] {
        world.commit_mark(table, DELETED).await;
        let refused = world.database.customer(world.actor).await;
        assert!(matches!(refused, Err(Error::Actor(_))), "{table}: {refused:?}");
        world.commit_mark(table, None).await;
    }
}

#[tokio::test]
async fn every_query_that_runs_on_sqlite_treats_deleted_rows_as_declared() {
    let file = SqliteFile::migrated().await;
    let world = World::new(open(&settings(&[("DATABASE_URL", &file.url())])).await).await;
    let queries = queries();
    let mut found = Vec::new();
    for Case { query, admin, .. } in cases() {
        if let Some(call) = admin {
            let begin = async || world.database.admin().await.unwrap();
            found.extend(deviations(&world, query, &queries[query], begin, call).await);
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

/// Each query that writes below a row and declares it refused or hidden, with that row's table.
fn writers() -> Vec<(Case, String)> {
    let queries = queries();
    let mut found = Vec::new();
    for table in TABLES {
        for case in cases() {
            let decision = queries[case.query].decisions.get(table).map(String::as_str);
            // The one reads what it reports; the other inserts calls, and reports a deleted campaign by no contact.
            let is_one = decision == Some("refused") && case.query != "campaigns::activation_errors"
                || case.query == "contacts::claim_due" && decision == Some("hidden");
            if is_one {
                found.push((case, table.to_owned()));
            }
        }
    }
    assert!(found.len() > 20, "{} writers were found", found.len());
    found
}

/// Runs the case in its narrowest scope, together with `meanwhile`, and then `then`, before the transaction ends.
async fn with_open<R>(
    world: &World,
    case: &Case,
    then: impl AsyncFnOnce(Result<bool, Error>) -> R,
    meanwhile: impl Future<Output = ()>,
) -> R {
    if let Some(call) = case.customer {
        let tx = world.database.customer(world.actor).await.unwrap();
        let (result, ()) = join(call(world, &tx), meanwhile).await;
        let seen = then(result).await;
        tx.rollback().await.unwrap();
        seen
    } else {
        let tx = world.database.admin().await.unwrap();
        let (result, ()) = join(case.admin.unwrap()(world, &tx), meanwhile).await;
        let seen = then(result).await;
        tx.rollback().await.unwrap();
        seen
    }
}

#[tokio::test]
async fn a_deletion_waits_for_a_transaction_that_wrote_below_the_row() {
    let (_scratch, world) = postgresql("deletion_waits").await;
    let mut found = Vec::new();
    for (case, table) in writers() {
        let deletes = async |written: Result<bool, Error>| {
            assert_eq!(written, Ok(true), "{}", case.query);
            let tx = world.database.admin().await.unwrap();
            run(&tx, "set local lock_timeout = '50ms'").await.unwrap();
            let deleted: Result<(), DbErr> = world.mark(&tx, &table, DELETED).await;
            tx.rollback().await.unwrap();
            deleted
        };
        match with_open(&world, &case, deletes, async {}).await {
            Err(error) if code(&error) == LOCK_NOT_AVAILABLE => {}
            other => found.push(format!("{}, {table}: {other:?}", case.query)),
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn a_write_waits_for_a_deletion_of_the_row_above_and_is_refused() {
    let (_scratch, world) = postgresql("write_waits").await;
    let queries = queries();
    let mut found = Vec::new();
    for (case, table) in writers() {
        let deletion = world.database.admin().await.unwrap();
        world.mark(&deletion, &table, DELETED).await.unwrap();
        let watcher = world.database.admin().await.unwrap();
        let commit = async {
            let waits = "select count(*)::text from pg_locks join pg_stat_activity using (pid)
                         where not granted and datname = current_database()";
            for _ in 0..LOOKS {
                if texts(&watcher, waits).await != ["0"] {
                    break;
                }
                sleep(Duration::from_millis(10)).await;
            }
            deletion.commit().await.unwrap();
        };
        let result = with_open(&world, &case, async |result| result, commit).await;
        drop(watcher);
        world.commit_mark(&table, None).await;
        let decision = &queries[case.query].decisions[&table];
        let seen = outcome(&table, &result);
        if seen != *decision {
            found.push(format!("{}, {table}: {seen}, declared {decision}", case.query));
        }
    }
    assert_eq!(found, Vec::<String>::new());
}
